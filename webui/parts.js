// SPDX-License-Identifier: LGPL-2.1-or-later
// The sections of the page, from the most to the least urgent.

import { exportAction, mayChange, open, sessionAction } from "./actions.js";
import { chapter, chapterId, openChapter } from "./chapters.js";
import { age, bytes, clock, command, copyButton, h, icon, named, sideBySide, span, table, WORDS } from "./dom.js";
import { ageOf, bestView, failsShortly, foretold, heldBy, isLost, isOld, lastFenceTest, legWord, list, resyncOf, sentence, shortly, sinceWhen, verdict, viewsOf, whatIf } from "./model.js";
import { roleOf, roleWord } from "./picture.js";
import { firstOf, stepsShown } from "./problems.js";

export function section(id, title, ...body) {
	return h("section", { id, key: id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), body);
}

// -- The verdict --

function sinceText(state, v) {
	if (!v.ticks) return "";
	const at = sinceWhen(state, v.mirror);
	if (!at) return "";
	const wall = state.status.wall_ms + Math.min(performance.now() - state.statusAt, 10000); // what is old does not go on counting
	return v.tone === "critical" ? ` for ${span(Math.max(1000, Math.floor((wall - at) / 1000) * 1000)).replace(".0", "")}` : ` since ${clock(at, null)}`;
}

export const answer = (key, question, icon, ...words) => h("div", { key, class: key === "do" ? "do" : key.startsWith("minor-") ? "if minor" : "if" }, h("dt", {}, question), h("dd", {}, icon, h("div", {}, words)));
const headOf = (state, v) => {
	const [first, ...rest] = v.head.split(/(?=, waiting)/);
	return [first, sinceText(state, v), ...rest];
};

export function verdictPart(state, v, found) {
	const resync = resyncOf(state, v.mirror);
	return h("section", { id: "verdict", key: "verdict", class: `verdict ${v.tone}`, "aria-label": "Verdict", tabindex: "-1" },
		h("h1", {}, icon(v.tone), h("span", {}, headOf(state, v).map((part) => named(part, [...state.status.nodes.map((n) => n.name), "take-over"])))),
		h("p", { class: "detail" }, names(state, v.detail), resync ? ` ${copying(resync, heldBy(state, v.mirror))}` : ""),
		h("dl", { class: "answers" }, answer("safe", "Is the data safe", icon(v.safe.tone), names(state, v.safe.text)),
			whatIf(state, v.mirror).map((w) => answer(w.label.startsWith("the ") ? `minor-${w.part}` : w.part, names(state, `If ${w.label} fails now`), icon(w.gone ? "warning" : w.outcome.severity), names(state, w.gone ?? sentence(foretold(w.outcome.sentence, v.mirror))))),
			answer("do", "What to do", null, whatToDo(state, found, v.mirror))),
		others(state, v));
}

// Of a page that is read further down: the verdict stays in sight. The heading says the same to those who hear the page.
export function slim(state, v, found, isShown, lost, now) {
	const { problem, text } = firstOf(state, found, v.mirror);
	const steps = problem ? stepsShown(problem).length : 0;
	const fails = failsShortly(state, v.mirror);
	const old = lost || isOld(state, now) ? age(ageOf(state, now)) : "live";
	return h("div", { key: "slim", class: isShown ? "slim shown" : "slim", "aria-hidden": "true" },
		h("p", { class: "head" }, icon(lost ? "critical" : v.tone), h("strong", {}, lost ?? headOf(state, v).join("")), h("span", { class: "quiet" }, h("span", { class: "seen" }, "seen "), `from ${state.status.node.name}, ${old}`)),
		h("p", { class: "quiet fails" }, lost ? "What follows was so when this page last knew." : `Safe: ${[shortly(v.safe.text), ...fails].join("; ")}`),
		h("p", { class: "quiet" }, lost ? "" : `To do${steps > 1 && problem.code !== "configuration" ? ` (step 1 of ${steps}, see the top)` : ""}: ${text.length > 90 ? text.split(/(?<=[.?]) /)[0] : text}`));
}

const names = (state, text) => named(text, state.status.nodes.map((n) => n.name), state.status.mirrors.map((m) => m.name));

function whatToDo(state, found, mirror) {
	const { problem: p, text } = firstOf(state, found, mirror);
	if (!p) return h("strong", {}, text);
	const typed = (step) => (step.command ? h("span", { class: "command small" }, step.on ? h("span", { class: "on" }, step.on) : null, command(step.command), copyButton(step.command)) : null);
	return [h("ol", { class: "todo" }, stepsShown(p).map((step, i) => h("li", {}, i ? names(state, step.text ?? "") : h("strong", {}, names(state, text)), typed(step)))),
		p.chapter === false || p.severity === "info" ? null : h("p", {}, h("a", { href: `#${chapterId(p.chapterOf ?? p.code)}`, onclick: openChapter }, "More: chapter ", h("code", {}, p.chapterOf ?? p.code)))];
}

function copying(r, by) {
	return r.stalled || r.paused ? `The resync is ${r.stalled ? "stalled" : "paused"} at ${r.percent.toFixed(0)} %${by ? `: ${by.text}` : ""}.` : `${r.percent.toFixed(0)} % is copied${r.eta_s === null ? "" : `, ${span(r.eta_s * 1000)} left`}.`;
}

function others(state, v) {
	const rest = state.status.mirrors.filter((m) => m.name !== v.mirror);
	return rest.length ? h("ul", { class: "others" }, rest.map((m) => {
		const said = verdict(state, m.name);
		return h("li", {}, icon(said.tone), h("span", {}, h("strong", {}, m.name), ` ${said.head}${sinceText(state, said)}`));
	})) : null;
}

// -- The machines: what the picture shows, as a table --

export function machines(state, name) {
	const view = bestView(state, name);
	const { status, mirror } = view;
	return [table("The machines", ["Machine", "Is", "Heard", "Its leg", "Links"], status.nodes.map((n) => {
		const leg = mirror.legs.find((l) => l.node === n.name);
		const good = n.links.filter((l) => n.alive && l.heard_ms_ago !== null && l.heard_ms_ago < 3000 && !l.error).length;
		return h("tr", { key: n.name, class: n.alive ? undefined : "bad" }, h("th", { scope: "row" }, n.name), h("td", {}, roleWord(n, mirror, roleOf(state, name, n))),
			h("td", {}, n.self ? (status.node.name === state.status.node.name ? "this page" : "itself") : n.alive ? (isLost(state, performance.now()) ? "then" : "now") : n.heard ? age(n.silent_ms) : "not since hamon started"),
			h("td", {}, n.witness ? "none, it only votes" : leg ? `${leg.device}, ${legWord(leg, view)}${leg.request_ms === null ? "" : `, ${leg.request_ms.toFixed(1)} ms a request`}` : "none"),
			h("td", {}, n.self ? "–" : `${good} of ${n.links.length}`));
	})), h("p", { class: "quiet", key: "leg" }, "A leg is a node's disk in the mirror; each holds all of the data.")];
}

export function resyncPart(state, name) {
	const r = resyncOf(state, name);
	if (!r) return null;
	return section("resync", `Resync of the leg of ${resyncTarget(state, name)}`,
		h("progress", { max: "100", value: r.percent, "aria-label": "Copied" }, `${r.percent} %`),
		h("dl", { class: "facts" }, fact("Left", bytes(Number(r.left_bytes))), fact("Of", bytes(r.total_bytes)), fact("Rate", r.paused ? "paused" : r.stalled ? "stalled" : r.rate_kib === null ? "measuring" : `${bytes(r.rate_kib * 1024)}/s`),
			fact("Done in", r.paused ? (r.pause_left_s ? `goes on in ${span(r.pause_left_s * 1000)}` : "goes on when somebody says so") : r.stalled ? "not at this rate" : r.eta_s === null ? "–" : span(r.eta_s * 1000))),
		held(state, name, r));
}

const resyncTarget = (state, name) => {
	const { mirror } = bestView(state, name);
	return mirror.legs.find((l) => l.node !== mirror.record.primary)?.node ?? "the other node";
};

// Who it is that it waits for, and since when; of one that moves: what it would be faster without.
function held(state, name, r) {
	const by = heldBy(state, name);
	if (!by) return null;
	const stands = r.stalled || r.paused;
	return h("p", { class: "said why" }, icon(stands || by.code.endsWith("leg") ? "warning" : "info"),
		h("span", {}, h("strong", {}, stands ? "Why it stands still: " : "Why it is not faster: "), names(state, `${by.text[0].toUpperCase()}${by.text.slice(1)}.`), by.at ? h("span", { class: "quiet number" }, ` Since ${clock(by.at)}, for ${span(by.ms).replace(".0", "")}.`) : null));
}

export const fact = (name, value) => h("div", { key: name }, h("dt", {}, name), h("dd", { class: "number" }, value));

// -- Problems --

function problem(p, i, all) {
	return h("li", { key: p.key, class: `problem ${p.severity}` }, h("h3", {}, icon(p.severity), h("span", {}, sentence(p.cause), p.tick ? h("span", { class: "quiet" }, ` For ${age(p.tick).replace(" ago", "")}.`) : null)),
		p.why ? h("p", {}, p.why) : null, p.detail ? h("p", { class: "quiet" }, p.detail) : null,
		p.lines ? sideBySide(`Where they differ: ${p.code}`, [...new Set(p.lines.flatMap((l) => Object.keys(l.said)))], p.lines.map((l) => ({ what: l.what, said: l.said, compared: Object.keys(l.said) }))) : null,
		p.steps.map((s) => [s.text ? h("p", { class: "step" }, s.text) : null,
			s.command ? h("div", { class: "command" }, s.on ? h("span", { class: "on" }, s.on) : null, command(s.command), copyButton(s.command)) : null]),
		p.bys.length ? h("p", { class: "quiet" }, `Said by ${list(p.bys, "and")}.`) : null,
		p.chapter === false || p.severity === "info" ? null : chapter(p.chapterOf ?? p.code, all.findIndex((x) => (x.chapterOf ?? x.code) === (p.chapterOf ?? p.code)) === i));
}

export function problemsPart(found) {
	return section("problems", found.length ? `Problems (${found.length})` : "Problems",
		found.length ? h("ol", { class: "problems" }, found.map(problem)) : h("p", { class: "quiet" }, "None."));
}

// -- Both views --

// Line by line, what is not the same on all that speak now being marked; a view that is old is grey and takes no part in that.
export function viewsPart(state, name) {
	const views = viewsOf(state);
	const ask = (what, of, isCompared) => ({ what, said: Object.fromEntries(views.map((v) => {
		const m = v.status?.mirrors.find((x) => x.name === name);
		return [v.node, v.status && m ? of(v.status, m, v) : null];
	})), compared: isCompared ? views.filter((v) => v.self || v.fresh).map((v) => v.node) : [] });
	const lines = [
		ask("Says", (s, m) => sentence(m.reason.code === "none" ? `the last decision names ${m.record.primary ?? "no node"}` : m.reason.sentence)),
		ask("Active node", (s, m) => m.record.primary ?? "none", true),
		ask("Epoch", (s, m) => m.record.epoch, true),
		ask("Record", (s, m) => `version ${m.record.version}`, true),
		ask("Legs in sync", (s, m) => list(m.legs.filter((l) => l.in_sync).map((l) => l.node), "and") || "none", true),
		ask("Is itself", (s, m) => (s.node.kind === "witness" ? "the witness" : m.role === "primary" ? "active" : m.role)),
		ask("Hears", (s) => list(s.nodes.filter((n) => !n.self && n.alive).map((n) => n.name), "and") || "nobody"),
		ask("Config", (s) => s.node.config_hash, true),
		ask("hamon", (s) => s.node.version, true),
		ask("Told", (s, m, v) => (v.self ? "now" : age(v.age_ms))),
	];
	return sideBySide("What each machine says", views.map((v) => v.node), lines, views.filter((v) => !v.self && !v.fresh).map((v) => v.node));
}

// -- Events --

export const filter = { level: "info", text: "", all: false };
const LEVELS = { info: 0, warning: 1, critical: 2 };
const FEW = 12;

export function eventsPart(state, redraw) {
	const words = filter.text.toLowerCase();
	const found = state.events.filter((e) => (LEVELS[e.severity] ?? 0) >= LEVELS[filter.level] && (!words || `${e.reason} ${e.sentence} ${e.node ?? ""} ${e.mirror ?? ""}`.toLowerCase().includes(words))).reverse();
	const shown = filter.all ? found : found.slice(0, FEW);
	return section("events", "Events",
		h("div", { class: "filters" }, h("label", {}, "Level ", h("select", { onchange: (e) => { filter.level = e.target.value; redraw(); } }, h("option", { value: "info" }, "all"), h("option", { value: "warning" }, "warnings"), h("option", { value: "critical" }, "critical"))),
			h("label", {}, "Contains ", h("input", { type: "search", "data-own": "1", oninput: (e) => { filter.text = e.target.value; redraw(); } })),
			h("span", { class: "quiet number" }, `${shown.length} of ${state.events.length}`)),
		table("Events, the newest first", ["Time", "Level", "What", "Code"], shown.map((e) => h("tr", { key: e.id }, h("td", { class: "number" }, h("time", { datetime: new Date(e.time * 1000).toISOString() }, clock(e.time * 1000, true))),
			h("td", {}, icon(e.severity), h("span", { class: "unseen" }, WORDS[e.severity])), h("td", { class: "wide" }, e.sentence), h("td", {}, h("code", {}, e.reason))))),
		found.length > FEW ? h("button", { type: "button", class: "more", onclick: () => { filter.all = !filter.all; redraw(); } }, filter.all ? "Show the newest only" : `Show all ${found.length}`) : null);
}

// -- nbdd --

// A leg is hamon's. An operator has a button, everybody else the command.
function exportChange(state, node, x) {
	if (x.kind === "leg") return h("span", { class: "quiet" }, "hamon's");
	const verb = x.status === "DEFINED" ? "start" : "stop";
	const command = `nbdd --${verb} -i ${x.id}`;
	if (!mayChange(state)) return h("span", { class: "command small" }, h("code", {}, command), copyButton(command));
	return h("button", { type: "button", class: "small", "data-action": `${verb}-${node}-${x.id}`, onclick: () => void open(state, exportAction(node, x, verb)) }, `${verb === "start" ? "Start" : "Stop"}…`);
}

function sessionEnd(state, node, x) {
	if (!mayChange(state) || !x.export || x.leg) return null;
	return h("button", { type: "button", class: "small", "data-action": `kick-${node}-${x.number}`, onclick: () => void open(state, sessionAction(node, x)) }, "End…");
}

function exportRows(state, node, x) {
	return h("tr", { key: `${node}${x.id}`, class: x.failed ? "bad" : undefined }, h("th", { scope: "row" }, node), h("td", {}, h("code", {}, x.id)), h("td", {}, x.device), h("td", {}, x.kind), h("td", {}, x.failed ? "FAILED" : x.status),
		h("td", {}, exportChange(state, node, x)));
}

function sessionRows(state, node, x) {
	return h("tr", { key: `${node}s${x.number}` }, h("th", { scope: "row" }, node), h("td", { class: "number" }, x.number), h("td", {}, x.address), h("td", {}, x.export ? h("code", {}, x.export) : "–"), h("td", {}, x.state),
		h("td", {}, x.tls === undefined ? "–" : x.tls ? "yes" : "no"), h("td", { class: "number" }, x.inflight ?? "–"), mayChange(state) ? h("td", {}, sessionEnd(state, node, x)) : null);
}

const sorry = (answer) => [answer?.error ? h("p", { class: "quiet" }, sentence(answer.error)) : null,
	...(answer?.nodes ?? []).filter((n) => n.error).map((n) => h("p", { key: n.node, class: "quiet" }, h("strong", {}, n.node), `: ${sentence(n.error)}`))];

// Always the configuration's order, whichever machine was asked.
function inOrder(state, nodes = []) {
	const names = state.status.nodes.map((n) => n.name);
	return nodes.toSorted((a, b) => names.indexOf(a.node) - names.indexOf(b.node));
}

export function exportsPart(state) {
	const rows = inOrder(state, state.exports?.nodes).flatMap((n) => (n.exports ?? []).map((x) => exportRows(state, n.node, x)));
	const legs = new Set((state.exports?.nodes ?? []).flatMap((n) => (n.exports ?? []).filter((x) => x.kind === "leg").map((x) => `${n.node} ${x.id}`)));
	const sessions = inOrder(state, state.sessions?.nodes).flatMap((n) => (n.sessions ?? []).map((x) => sessionRows(state, n.node, { ...x, leg: legs.has(`${n.node} ${x.export}`) })));
	return section("exports", "Exports and sessions", sorry(state.exports),
		rows.length ? table("Exports", ["Node", "Export", "Device", "Kind", "State", mayChange(state) ? "Change" : "To change it, there"], rows) : state.exports?.nodes.some((n) => n.exports) ? h("p", { class: "quiet" }, "No exports.") : null,
		sessions.length ? table("Sessions", ["Node", ["Session"], "From", "Export", "State", "TLS", ["In flight"], ...(mayChange(state) ? ["Change"] : [])], sessions) : state.sessions?.nodes.some((n) => n.sessions) ? h("p", { class: "quiet" }, "No sessions.") : null);
}

// -- Services and versions --

// How systemd has it, and how its process ended when it does not run.
function unitState(u) {
	if (u?.load && u.load !== "loaded") return "NOT INSTALLED here";
	if (!u?.active) return "";
	if (u.active === "active" || !u.ended) return u.active;
	return `${u.active}, its process ${u.ended === "exited" ? `ended with status ${u.status}` : `was killed by signal ${u.status}`}`;
}

function checkState(c) {
	if (!c.checked) return "not yet";
	return c.failures ? `${c.unhealthy ? "unhealthy" : "failing"}, ${c.failures} of ${c.allowed} in a row, ${c.detail}` : "healthy";
}

export function servicesPart(state, name) {
	const own = state.services?.services ?? [];
	const { mirror } = bestView(state, name);
	return section("services", "Services, in their order", own.length ? own.map((s) => {
		const steps = [s.mount ? ["mount", s.mount] : null, ...s.units.map((u) => ["unit", u, unitState(s.seen?.units.find((x) => x.unit === u))]), ...s.addresses.map((a) => ["address", `${a}${s.interface ? ` on ${s.interface}` : ""}`])].filter(Boolean);
		return [h("p", { key: s.mirror }, h("strong", {}, s.mirror), ` ${s.running ? "runs on this node" : mirror.record.primary && mirror.record.primary !== state.status.node.name ? `belongs on ${mirror.record.primary}` : "does not run here"}`, s.state && s.state !== "none" ? ` (${s.state})` : "", "."),
			h("ol", { class: "steps", key: `${s.mirror}-steps` }, steps.map(([kind, what, how]) => h("li", {}, h("span", { class: "quiet" }, kind), " ", h("code", {}, what), how ? ` ${how}` : ""))),
			s.seen?.health ? h("p", {}, `Health check: ${checkState(s.seen.health)}.`) : null,
			mirror.last_failure ? h("p", { class: "quiet" }, `Last failure: ${mirror.last_failure.effect}, ${mirror.last_failure.error} ${mirror.last_failure.detail}, ${age(mirror.last_failure.ms_ago)}.`) : null];
	}) : h("p", { class: "quiet" }, "No service is configured: the mirror is used as it is."));
}

function fenceTest(state) {
	const e = lastFenceTest(state);
	return e ? ` Last fence test: ${clock(e.time * 1000)}, of ${e.node}.` : [" No fence test among them: ", h("code", {}, "hamonctl test fence NODE"), " makes one."];
}

export function versionsPart(state, last) {
	const hashes = state.config?.hashes ?? {};
	const rows = viewsOf(state).map((v) => h("tr", { key: v.node, class: !v.self && !v.fresh ? "old" : undefined }, h("th", { scope: "row" }, v.node), h("td", {}, v.kind), h("td", {}, v.status?.node.version ?? "–"),
		h("td", {}, h("code", {}, hashes[v.node] ?? v.status?.node.config_hash ?? "not known"), v.status?.node.config_version > 0 ? h("span", { class: "quiet" }, ` version ${v.status.node.config_version}`) : null), h("td", {}, v.status?.node.act ? (v.status.node.act.connected ? "runs" : `not there: ${v.status.node.act.error ?? ""}`) : "–"),
		h("td", { class: "number" }, v.status ? span(v.status.node.uptime_ms) : "–")));
	return section("versions", "Versions and configuration", table("Versions", ["Machine", "Kind", "hamon", "Configuration", "hamon-act", ["Running for"]], rows),
		h("p", { class: "quiet" }, last ? `Last take-over: ${clock(last.time)}, by ${last.node}, in ${span(last.total)}.` : "No take-over among the events that are kept.", fenceTest(state), ` Mode ${state.status.mode}, timers ${state.status.profile}.`));
}
