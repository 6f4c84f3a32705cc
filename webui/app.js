// SPDX-License-Identifier: LGPL-2.1-or-later
// The page: draws what live.js knows, once a second and after each change, and says aloud what has changed.

import { actions } from "./actions.js";
import { age, announce, clock, h, replaceChildren } from "./dom.js";
import { start, state } from "./live.js";
import { loginPage, signOut } from "./login.js";
import { ageOf, isOld, verdict, worstMirror } from "./model.js";
import { eventsPart, exportsPart, machines, problemsPart, resyncPart, section, servicesPart, verdictPart, versionsPart, viewsPart } from "./parts.js";
import { picture, roleOf } from "./picture.js";
import { heartbeats } from "./plot.js";
import { problems } from "./problems.js";
import { lastTakeover, timeline } from "./timeline.js";
import { verifyPart } from "./verify.js";

const page = document.getElementById("page");
const narrow = matchMedia("(max-width: 640px)");
let chosen = ""; // a mirror that a person looks at; "": the worst

// -- The head: whose view, how old, connected or not --------------------------------------------------------------------------------

// {url, name, was}: who listens there by the configuration, the other node first, and what it was when it was last heard; "" where that is not known.
function otherPages() {
	const { api, voters } = state.config?.config ?? { api: { listen: [] }, voters: [] };
	const places = api.listen.map((l) => {
		const url = `https://${l}/`;
		const address = new URL(url).hostname.replace(/[[\]]/g, "");
		const voter = voters.find((v) => v.addresses.includes(address));
		const node = state.status.nodes.find((n) => n.name === voter?.name);
		return { url, name: voter?.name ?? "", order: voter ? (voter.kind === "node" ? 0 : 1) : 2, was: node ? whatItWas(node) : "" };
	});
	return places.filter((p) => new URL(p.url).host !== location.host && p.name !== state.status.node.name).toSorted((a, b) => a.order - b.order);
}

function whatItWas(node) {
	if (!node.alive) return "silent already when this page last knew";
	if (node.witness) return "it votes, and sees the nodes";
	return `${roleOf(state, chosen || state.status.mirrors[0].name, node) === "primary" ? "active" : "standby"} when this page last knew`;
}

function freshness(now) {
	const ms = ageOf(state, now);
	return h("p", { class: "fresh" }, h("span", { class: `dot ${isOld(state, now) ? "old" : ""}`, "aria-hidden": "true" }),
		isOld(state, now) ? `as of ${age(ms)}` : "live, less than ", isOld(state, now) ? null : h("span", { class: "number" }, `${Math.max(1, Math.ceil(ms / 1000))} s old`));
}

function lostBanner(now) {
	if (!state.lostSince || now - state.lostSince < 1000) return null;
	const links = otherPages();
	const self = state.status.node.name;
	return h("div", { class: "lost", key: "lost", role: "alert" }, h("p", {}, h("strong", {}, "Connection to ", h("span", { class: "name" }, self), ` (${location.hostname}) lost. `),
		`What you see was true at ${clock(state.status.wall_ms)} and is not updated. The page goes on trying.`),
	links.length ? [h("p", {}, `Open instead, for what is so without ${self}:`), h("ul", { class: "instead" }, links.map((l) => h("li", { key: l.url }, l.name ? [h("strong", { class: "name" }, l.name), l.was ? `, ${l.was}: ` : ": "] : null, h("a", { href: l.url }, l.url))))] : null);
}

function header(now) {
	const s = state.status;
	return h("header", { key: "header" }, h("p", { class: "where" }, h("strong", {}, s.cluster), h("span", { class: "quiet" }, ` seen from ${s.node.name}`)), freshness(now),
		state.access?.role === "local" ? null : h("p", { class: "who" }, h("span", { class: "quiet" }, state.access?.role ?? ""), " ", h("button", { type: "button", class: "plainly", onclick: signOut }, "Sign out")));
}

function mirrorChoice(current) {
	if (state.status.mirrors.length < 2) return null;
	return h("div", { class: "choice", role: "group", "aria-label": "Mirror" }, state.status.mirrors.map((m) => h("button", { type: "button", "aria-pressed": String(m.name === current), onclick: () => { chosen = m.name; draw(); } }, m.name)));
}

// -- Said aloud -----------------------------------------------------------------------------------------------------------------------

let told = { head: null, lost: false, keys: new Set() };

function tell(v, found) {
	const lost = !!state.lostSince && performance.now() - state.lostSince > 1000;
	const keys = new Set(found.map((p) => p.key));
	const words = [];
	if (lost !== told.lost) words.push(lost ? "Connection lost." : "Connected again.");
	if (told.head !== null && v.head !== told.head) words.push(`${v.head}. ${v.detail}`);
	else if (told.head !== null) for (const p of found) if (!told.keys.has(p.key)) words.push(`New problem: ${p.cause}.`);
	if (words.length) announce(words.join(" "));
	told = { head: v.head, lost, keys };
	document.title = `${lost ? "? " : { ok: "", info: "", warning: "! ", critical: "!! " }[v.tone]}${v.head} – ${state.status.cluster}`;
}

// -- Everything -----------------------------------------------------------------------------------------------------------------------

function whole(now) {
	const worst = worstMirror(state);
	const v = chosen && state.status.mirrors.some((m) => m.name === chosen) ? verdict(state, chosen) : worst;
	const found = problems(state);
	const last = lastTakeover(state, v.mirror);
	tell(worst, found);
	const drawing = picture(state, v.mirror, narrow.matches);
	return [h("a", { class: "skip", href: "#verdict", key: "skip" }, "Skip to the verdict"), header(now), lostBanner(now),
		h("main", { key: "main", class: isOld(state, now) || state.lostSince && now - state.lostSince > 1000 ? "old" : undefined },
			verdictPart(state, v, found), mirrorChoice(v.mirror),
			section("cluster", "The cluster", h("div", { class: "cluster" }, drawing, machines(state, v.mirror)), state.cluster?.disagreements.length || !state.cluster?.complete ? viewsPart(state, v.mirror) : null),
			resyncPart(state, v.mirror), problemsPart(found), section("actions", "Actions", actions(state, v.mirror)), verifyPart(state, v.mirror),
			section("takeover", "Last take-over", timeline(state, v.mirror)), eventsPart(state, draw), section("heartbeats", "Heartbeats", heartbeats(state)), exportsPart(state),
			servicesPart(state, v.mirror), versionsPart(state, last)),
		h("footer", { key: "footer", class: "quiet" }, "hamon ", state.status.node.version, " on ", state.status.node.name, ". ", h("a", { href: "/status" }, "Plain HTML"), " ", h("a", { href: "/v1/openapi.yaml" }, "API"))];
}

function draw() {
	const now = performance.now();
	document.documentElement.dataset.state = state.needsLogin ? "login" : state.status ? (state.lostSince ? "lost" : "shown") : "waiting";
	if (state.needsLogin) replaceChildren(page, [loginPage()]);
	else if (state.status) replaceChildren(page, whole(now).filter(Boolean));
	else replaceChildren(page, [h("main", { class: "login", key: "waiting" }, h("p", { class: "quiet" }, state.lostSince ? `${location.hostname} does not answer. The page goes on trying.` : "Asking hamon…"))]);
}

let pending = false;
function drawSoon() {
	if (pending) return;
	pending = true;
	requestAnimationFrame(() => { pending = false; draw(); });
}

narrow.addEventListener("change", drawSoon);
setInterval(() => { if (!document.hidden) drawSoon(); }, 1000);
draw();
start(drawSoon);
