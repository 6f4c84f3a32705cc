// SPDX-License-Identifier: LGPL-2.1-or-later
// From what is known to what is said: verdict, what if, since when. Pure; decides nothing that hamon has not decided.

const OLD_MS = 6000;
const ORDER = { ok: 0, info: 1, warning: 2, critical: 3 };
export const worse = (a, b) => (ORDER[a] >= ORDER[b] ? a : b);
export const order = (severity) => ORDER[severity];

// Age of this node's view as it is shown, in ms.
export const ageOf = (state, now) => (state.status ? Math.max(0, now - state.statusAt) : Infinity);
export const isOld = (state, now) => ageOf(state, now) > OLD_MS;

export const viewsOf = (state) => (state.cluster?.views ?? []).map((v) => (v.self ? { ...v, status: state.status ?? v.status } : v));

// The view that knows most about a mirror: of a fresh node that is its primary under the highest epoch; else this node's own.
export function bestView(state, name) {
	const find = (status) => status?.mirrors.find((m) => m.name === name);
	const own = { node: state.status.node.name, status: state.status, mirror: find(state.status), self: true };
	let best = null;
	for (const view of viewsOf(state)) {
		const mirror = view.fresh || view.self ? find(view.status) : null;
		if (mirror?.role === "primary" && (!best || Number(mirror.record.epoch) > Number(best.mirror.record.epoch)))
			best = { node: view.node, status: view.status, mirror, self: view.self };
	}
	if (best) return best;
	if (state.status.node.kind === "node") return own;
	const other = viewsOf(state).find((v) => v.fresh && v.kind === "node" && find(v.status));
	return other ? { node: other.node, status: other.status, mirror: find(other.status), self: false } : own;
}

export const witnessOf = (status) => status.nodes.find((n) => n.witness);
const silent = (status) => status.nodes.filter((n) => !n.alive).map((n) => (n.witness ? "the witness" : n.name));
export const list = (names, word = "or") => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`);

// Event time since which something holds: the newest event with one of `codes` that no later one of `ends` undoes; null: not known.
function since(events, mirror, codes, ends) {
	let at = null;
	for (const e of events) {
		if (e.mirror && e.mirror !== mirror) continue;
		if (ends.includes(e.reason)) at = null;
		else if (codes.includes(e.reason)) at ??= e.time * 1000;
	}
	return at;
}

const DEGRADED = ["leg-left", "degraded", "own-leg-failed", "takeover-assembled"];
const REDUNDANT = ["leg-joined", "leg-handed", "redundant"];
const FROZEN = ["frozen", "lease-lost", "no-majority", "manual-frozen"];

function eventsOf(state, node) {
	return node === state.status.node.name ? state.events : (state.peerEvents[node]?.events ?? state.events);
}

export function sinceWhen(state, name) {
	const view = bestView(state, name);
	const events = eventsOf(state, view.node);
	if (view.mirror.health === "degraded") return since(events, name, DEGRADED, REDUNDANT);
	if (view.mirror.health === "frozen") return since(events, name, FROZEN, ["primary", "adopted", "service-up", "takeover-decided"]) ?? lastOf(events, ["node-dead"]);
	return null;
}

function lastOf(events, codes) {
	const e = events.findLast((x) => codes.includes(x.reason));
	return e ? e.time * 1000 : null;
}

// {done, total, percent, rate, eta_ms, stalled} of a copy that runs; null: none does. Rates need two samples a second apart.
export function resyncOf(state, name, now) {
	const mirror = bestView(state, name).mirror;
	if (!mirror.resync || mirror.resync.state === "idle") return null;
	const done = Number(mirror.resync.done_sectors) * 512;
	const total = Number(mirror.resync.total_sectors) * 512;
	const samples = state.resync.get(name) ?? [];
	const first = samples[0];
	const elapsed = first ? now - first.at : 0;
	const rate = elapsed > 2000 ? ((done - first.done) / elapsed) * 1000 : null;
	const moved = samples.findLast((s) => s.done !== done);
	const stalled = elapsed > 10000 && (!moved || now - moved.at > 10000);
	return { paused: mirror.resync.state === "paused", pause_left_s: mirror.resync.pause_left_s, done, total, left: Math.max(0, total - done), percent: mirror.resync.percent, rate, stalled, eta_ms: rate > 0 ? ((total - done) / rate) * 1000 : null };
}

const TONE = { ok: "ok", degraded: "warning", frozen: "critical", down: "critical", starting: "warning", unconfigured: "info" };

// Where the data is while nobody serves it; where the reason itself says what a disk may lack, that waiting costs nothing but time.
function recorded(m) {
	const names = m.legs.filter((l) => l.in_sync).map((l) => l.node);
	if (["waiting-for-peer", "stale"].includes(m.reason.code)) return " Nothing is lost while it waits.";
	return names.length ? ` By the last decision every acknowledged write is on ${list(names, "and on")}.` : "";
}

// The second disk is still required, and its connection is away: what is written now waits for it.
export const isWaiting = (m) => m.role === "primary" && m.observed?.attached === true && !m.observed.leg_connected && m.legs.every((l) => l.in_sync);

// {tone, head, detail}: `head` without numbers that tick, so that it can be announced; `ticks` is what follows it.
export function verdict(state, name) {
	const view = bestView(state, name);
	const m = view.mirror;
	const primary = m.record.primary;
	const both = m.legs.length > 0 && m.legs.every((l) => l.in_sync);
	const say = (tone, head, detail, ticks = "") => ({ tone, head, detail, ticks, mirror: name, view });
	if (both && primary && (m.health === "ok" || m.health === "degraded")) {
		const where = `${name} is active on ${primary}. Both disks hold every acknowledged write.`;
		const gone = silent(view.status);
		if (isWaiting(m)) return say("warning", `Writes wait for ${m.legs.find((l) => l.node !== primary).node}`, `${where} Its disk does not answer; if that lasts, hamon decides to go on without it.`);
		if (m.reason.severity === "critical" || (m.reason.severity === "warning" && !gone.length)) return say(m.reason.severity, "Redundant, with a problem", `${where} ${sentence(m.reason.sentence)}`);
		return gone.length ? say("warning", `Redundant, but ${list(gone, "and")} ${gone.length > 1 ? "are" : "is"} not heard`, where) : say("ok", "Redundant", where);
	}
	if (m.health === "degraded") {
		const left = m.legs.filter((l) => l.in_sync).map((l) => l.node);
		return say("warning", "Running, NOT redundant", `${name} is active on ${primary}. Only ${list(left)} has every acknowledged write.`, "since");
	}
	if (m.health === "frozen") {
		const gone = silent(view.status);
		return say("critical", `Frozen, waiting for ${gone.length ? list(gone) : "a majority"}`, `${sentence(m.reason.sentence)} Writes wait; none is lost.`, "since");
	}
	if (m.health === "starting" && ["candidate", "taking-over"].includes(m.role)) return say("critical", `Being taken over by ${view.node}`, `${sentence(m.reason.sentence)}${recorded(m)}`);
	if (m.health === "starting") return say("warning", "Starting", sentence(m.reason.sentence));
	if (m.health === "unconfigured") return say("info", "Not set up yet", sentence(m.reason.sentence));
	if (m.health === "down") return say("critical", m.role === "unknown" ? "Not known to run" : "Down", `${sentence(m.reason.sentence)}${recorded(m)}`);
	return say(worse(TONE[m.health] ?? "warning", m.reason.severity), m.health === "ok" ? "Running, with a problem" : m.health, sentence(m.reason.sentence));
}

// "data: no majority answers" -> "data: no majority answers."
export const sentence = (text) => (/[.?!]$/.test(text) ? text : `${text}.`);

export function worstMirror(state) {
	const said = state.status.mirrors.map((m) => verdict(state, m.name));
	return said.toSorted((a, b) => order(b.tone) - order(a.tone))[0];
}

// What hamon foresees for each part that still works, the active node first: [{part, label, outcome}].
export function whatIf(state, name) {
	const view = bestView(state, name);
	const primary = view.mirror.record.primary;
	const rank = (n) => (n.name === primary ? 0 : n.witness ? 2 : 1);
	const rows = [];
	if (!["ok", "degraded"].includes(view.mirror.health) && (view.mirror.role !== "primary" || view.mirror.health === "down")) {
		if (view.mirror.health === "down") rows.push({ part: "any", label: "a machine", outcome: { code: "down", severity: "info", sentence: "Nothing more stops, and what is on the other disk stays there." } });
		return rows;
	}
	for (const node of view.status.nodes.toSorted((a, b) => rank(a) - rank(b))) {
		const label = node.witness ? "the witness" : node.name;
		if (!node.alive) {
			rows.push({ part: node.name, label, gone: true });
			continue;
		}
		const outcome = foreseen(state, view, node, name);
		if (outcome) rows.push({ part: node.name, label, outcome: outcome.code === "witness-lost" ? { ...outcome, severity: "info" } : outcome });
	}
	const link = state.whatIf.link?.find((s) => s.mirror === name)?.outcome;
	if (link && view.status.nodes.every((n) => n.alive)) rows.push({ part: "link", label: "the nodes' link", outcome: link });
	return rows;
}

// The status has it for the two nodes; the rest was asked for.
function foreseen(state, view, node, name) {
	if (!node.witness && view.mirror.if_self_fails) return node.name === view.status.node.name ? view.mirror.if_self_fails : view.mirror.if_peer_fails;
	return state.whatIf[node.name]?.find((s) => s.mirror === name)?.outcome;
}

// "node-b would take data over by itself" -> "node-b takes data over by itself": what happens, not what might.
export function plainly(text) {
	return text.replace("would take", "takes").replace("would go on", "goes on").replace("would freeze", "freezes").replace("would wait", "waits")
		.replace("would be down", "is down").replace("the witness is not heard: a second fault would freeze", "Nothing happens; a second fault then freezes")
		.replace("the witness is not heard: a second fault freezes", "Nothing happens; a second fault then freezes");
}
