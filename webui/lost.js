// SPDX-License-Identifier: LGPL-2.1-or-later
// The connection to this page's machine is lost: that is the verdict then. What was last known is said as what was, small; and where to look instead.

import { age, clock, h, icon, named } from "./dom.js";
import { ageOf, failsShortly } from "./model.js";
import { answer } from "./parts.js";
import { roleOf } from "./picture.js";

// {url, name, was}: who listens there by the configuration, the other node first, and what it was when it was last heard; "" where that is not known.
function otherPages(state, mirror) {
	const { api, voters } = state.config?.config ?? { api: { listen: [] }, voters: [] };
	const places = api.listen.map((l) => {
		const url = `https://${l}/`;
		const address = new URL(url).hostname.replace(/[[\]]/g, "");
		const voter = voters.find((v) => v.addresses.includes(address));
		const node = state.status.nodes.find((n) => n.name === voter?.name);
		return { url, name: voter?.name ?? "", order: voter ? (voter.kind === "node" ? 0 : 1) : 2, was: node ? whatItWas(state, mirror, node) : "" };
	});
	return places.filter((p) => new URL(p.url).host !== location.host && p.name !== state.status.node.name).toSorted((a, b) => a.order - b.order);
}

function whatItWas(state, mirror, node) {
	if (!node.alive) return "silent already when this page last knew";
	if (node.witness) return "it votes, and sees the nodes";
	return `${roleOf(state, mirror, node) === "primary" ? "active" : "standby"} when this page last knew`;
}

const link = (l) => h("a", { href: l.url }, l.url);

export function lostPart(state, v, now) {
	const names = (text) => named(text, state.status.nodes.map((n) => n.name), state.status.mirrors.map((m) => m.name));
	const self = state.status.node.name;
	const links = otherPages(state, v.mirror);
	const at = clock(state.status.wall_ms);
	const ask = links.length ? `Not known from here; the page of ${links[0].name || "another node"} knows.` : "Not known from here.";
	const then = (text) => [h("p", {}, names(ask)), h("p", { class: "was" }, names(`At ${at}: ${text}`))];
	return h("section", { id: "verdict", key: "verdict", class: "verdict critical lost", "aria-label": "Verdict", tabindex: "-1" },
		h("h1", {}, icon("critical"), h("span", {}, "Connection to ", h("span", { class: "name" }, self), " lost")),
		h("p", { class: "detail" }, `${location.hostname} does not answer; its last answer is from ${at}, `, h("span", { class: "number" }, age(ageOf(state, now))), ". Nothing below is newer. The page goes on trying."),
		h("dl", { class: "answers" },
			answer("do", "What to do", null, h("strong", {}, links.length ? names("Open the page of another machine. Does none open? Look at your own network.") : names(`See whether ${self} is on, and whether its network works.`)),
				links.length ? h("ul", { class: "instead" }, links.map((l) => h("li", { key: l.url }, l.name ? [h("strong", { class: "name" }, l.name), l.was ? `, ${l.was}: ` : ": "] : null, link(l)))) : null),
			answer("safe", "Is the data safe", icon("warning"), then(`${v.head}. ${v.safe.text}`)),
			answer("if", "If a machine fails now", icon("warning"), then(`${failsShortly(state, v.mirror).join("; ")}.`))));
}
