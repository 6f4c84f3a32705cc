// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks for a token; it stays in this tab.

import { setToken } from "./api.js";
import { h } from "./dom.js";
import { start, state } from "./live.js";

function signIn(event) {
	event.preventDefault();
	const token = event.target.elements.token.value.trim();
	if (!token) return;
	setToken(token);
	state.needsLogin = false;
	state.error = "";
	state.access = null;
	start();
}

export function signOut() {
	setToken(null);
	location.reload();
}

export function loginPage() {
	return h("main", { class: "login", key: "login" },
		h("h1", {}, "hamon on ", location.hostname),
		h("form", { onsubmit: signIn },
			h("label", { for: "token" }, "Token"),
			h("input", { id: "token", name: "token", type: "password", autocomplete: "current-password", spellcheck: "false", required: true,
				"aria-describedby": "token-help", "aria-invalid": state.error ? "true" : undefined }),
			state.error ? h("p", { class: "error", role: "alert" }, state.error) : null,
			h("button", { class: "primary", type: "submit" }, "Show the cluster"),
			h("p", { id: "token-help", class: "quiet" }, "On this node, ", h("code", {}, "hamonctl token create NAME ", h("span", { class: "name" }, "--role viewer")), " prints one; ",
				h("code", { class: "name" }, "--role operator"), " may also change things. The token is forgotten when this tab is closed.")),
		h("p", { class: "quiet" }, h("a", { href: "/status" }, "The same as plain HTML")));
}
