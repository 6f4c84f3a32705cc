# SPDX-License-Identifier: LGPL-2.1-or-later
# make web: the status page in a real browser against real daemons. make screenshots: docs/screenshots/*.png. make web-deps: what they need from npm.
.PHONY: web web-deps screenshots
web-deps: tests/web/node_modules/.package-lock.json

tests/web/node_modules/.package-lock.json: tests/web/package-lock.json
	@command -v npm >/dev/null || { echo "web-deps: npm is missing; as root: apt-get install -y --no-install-recommends nodejs npm" >&2; exit 1; }
	cd tests/web && npm ci --no-audit --no-fund --ignore-scripts
	@touch $@

web: all web-deps
	@BUILD=$(BUILD) NBDD_TEST_TIMEOUT=900 tests/run web tests/web/test-page

screenshots: all web-deps
	BUILD=$(BUILD) tests/web/screenshots
