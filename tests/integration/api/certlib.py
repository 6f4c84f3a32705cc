# SPDX-License-Identifier: LGPL-2.1-or-later
"""Self-signed certificates whose beginning and end a test chooses. certtool of gnutls-bin."""
import datetime
import subprocess


def certtool(*words):
    done = subprocess.run(["certtool", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def issue(folder, name, begins=-1, ends=300, names=("localhost",), addresses=("127.0.0.1",)):
    """`begins` and `ends`: days from now. Writes NAME.crt and NAME.key (0600) into `folder`; returns both paths."""
    crt, key, template = (folder / f"{name}.{kind}" for kind in ("crt", "key", "cfg"))
    now = datetime.datetime.now(datetime.timezone.utc)
    at = lambda days: (now + datetime.timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S UTC")
    template.write_text(f'cn = {name}\ntls_www_server\nsigning_key\nactivation_date = "{at(begins)}"\nexpiration_date = "{at(ends)}"\n'
                        + "".join(f"dns_name = {n}\n" for n in names) + "".join(f"ip_address = {a}\n" for a in addresses))
    certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--outfile", key)
    key.chmod(0o600)
    certtool("--generate-self-signed", "--load-privkey", key, "--template", template, "--outfile", crt)
    return crt, key
