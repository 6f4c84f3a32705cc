// SPDX-License-Identifier: LGPL-2.1-or-later
// The page: draws what live.js knows, once a second and after each change, and says aloud what has changed.

import { actions } from "./actions.js";
import { age, announce, clock, h, replaceChildren } from "./dom.js";
import { start, state } from "./live.js";
import { loginPage, signOut } from "./login.js";
import { lostPart } from "./lost.js";
import { ageOf, isLost, isOld, verdict, worstMirror } from "./model.js";
import { eventsPart, exportsPart, machines, problemsPart, resyncPart, section, servicesPart, slim, verdictPart, versionsPart, viewsPart } from "./parts.js";
import { picture } from "./picture.js";
import { heartbeats } from "./plot.js";
import { problems } from "./problems.js";
import { lastTakeover, timeline } from "./timeline.js";
import { verifyPart } from "./verify.js";

const page = document.getElementById("page");
const narrow = matchMedia("(max-width: 640px)");
let chosen = ""; // a mirror that a person looks at; "": the worst

// -- The head: whose view, how old, connected or not --

function freshness(now) {
	const ms = ageOf(state, now);
	return h("p", { class: "fresh" }, h("span", { class: `dot ${isOld(state, now) ? "old" : ""}`, "aria-hidden": "true" }),
		isOld(state, now) ? `as of ${age(ms)}` : "live, less than ", isOld(state, now) ? null : h("span", { class: "number" }, `${Math.max(1, Math.ceil(ms / 1000))} s old`));
}

function header(now) {
	const s = state.status;
	return h("header", { key: "header" }, h("p", { class: "where" }, h("strong", {}, s.cluster), h("span", { class: "quiet" }, ` ${isLost(state, now) ? "was seen" : "seen"} from ${s.node.name}`)), freshness(now),
		state.access?.role === "local" ? null : h("p", { class: "who" }, h("span", { class: "quiet" }, state.access?.role ?? ""), " ", h("button", { type: "button", class: "plainly", onclick: signOut }, "Sign out")));
}

function mirrorChoice(current) {
	if (state.status.mirrors.length < 2) return null;
	return h("div", { class: "choice", role: "group", "aria-label": "Mirror" }, state.status.mirrors.map((m) => h("button", { type: "button", "aria-pressed": String(m.name === current), onclick: () => { chosen = m.name; draw(); } }, m.name)));
}

// -- Said aloud --

let told = { head: null, lost: false, keys: new Set() };

function tell(v, found) {
	const lost = isLost(state, performance.now());
	const keys = new Set(found.map((p) => p.key));
	const words = [];
	if (lost !== told.lost) words.push(lost ? "Connection lost." : "Connected again.");
	if (told.head !== null && v.head !== told.head) words.push(`${v.head}. ${v.detail} ${v.safe.text}`);
	else if (told.head !== null) for (const p of found) if (!told.keys.has(p.key)) words.push(`New problem: ${p.cause}.`);
	if (words.length) announce(words.join(" "));
	told = { head: v.head, lost, keys };
	document.title = `${lost ? "? Connection lost" : `${{ ok: "", info: "", warning: "! ", critical: "!! " }[v.tone]}${v.head}`} – ${state.status.cluster}`;
}

// -- Everything --

function whole(now) {
	const worst = worstMirror(state);
	const v = chosen && state.status.mirrors.some((m) => m.name === chosen) ? verdict(state, chosen) : worst;
	const found = problems(state);
	const last = lastTakeover(state, v.mirror);
	tell(worst, found);
	const lost = isLost(state, now);
	const drawing = picture(state, v.mirror, narrow.matches);
	return [h("a", { class: "skip", href: "#verdict", key: "skip" }, "Skip to the verdict"), header(now), slim(state, v, found, isScrolled, lost ? `Connection to ${state.status.node.name} lost` : null, now),
		h("main", { key: "main", class: isOld(state, now) || lost ? "old" : undefined },
			lost ? lostPart(state, v, now) : verdictPart(state, v, found), mirrorChoice(v.mirror),
			section("cluster", `The cluster${lost ? `, as it was at ${clock(state.status.wall_ms)}` : ""}${v.view.self ? "" : `, as ${v.view.node} told ${state.status.node.name}`}`, h("div", { class: "cluster" }, drawing, machines(state, v.mirror)), state.cluster?.disagreements.length || !state.cluster?.complete ? viewsPart(state, v.mirror) : null),
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

let isScrolled = false; // the verdict is out of sight

function lookWhere() {
	const head = document.querySelector("#verdict h1");
	const is = !!head && head.getBoundingClientRect().bottom < 0;
	if (is !== isScrolled) drawSoon();
	isScrolled = is;
	document.documentElement.classList.toggle("scrolled", is);
}

addEventListener("scroll", lookWhere, { passive: true });
addEventListener("resize", lookWhere);
narrow.addEventListener("change", drawSoon);
setInterval(() => { if (!document.hidden) drawSoon(); }, 1000);
draw();
start(drawSoon);
