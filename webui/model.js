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

// {node, time}: a person last had that machine reboot as if it had been deposed; null: not among the events that are kept. Its own word "fence-test" may
// be lost with the reboot, so the command that was asked for counts, when a start followed it.
export function lastFenceTest(state) {
	const found = [[state.status.node.name, state.events], ...Object.entries(state.peerEvents).map(([n, a]) => [n, a.events])].map(([node, events]) => {
		const start = events.findLastIndex((e) => e.reason === "hamon-started");
		const e = events.slice(0, Math.max(0, start)).findLast((x) => x.reason === "command" && x.sentence.startsWith("'test-fence' "));
		return e && { node, time: e.time };
	});
	return found.filter(Boolean).toSorted((a, b) => b.time - a.time)[0] ?? null;
}

function lastOf(events, codes) {
	const e = events.findLast((x) => codes.includes(x.reason));
	return e ? e.time * 1000 : null;
}

// A resync that runs, as hamon measures it; null: none does.
export function resyncOf(state, name) {
	const r = bestView(state, name).mirror.resync;
	return !r || r.state === "idle" ? null : { ...r, paused: r.state === "paused", stalled: r.state === "stalled", total_bytes: Number(r.total_sectors) * 512 };
}

// Who holds a resync up, in words, and since when by the wall clock: {code, text, at, ms}; at 0: not known. null: nobody is known to.
export function heldBy(state, name) {
	const view = bestView(state, name);
	const why = view.mirror.resync?.why;
	if (!why || !resyncOf(state, name)) return null;
	const ms = why.for_s * 1000 + ageOf(state, performance.now());
	const told = why.code === "paused" ? eventsOf(state, view.node).findLast((e) => e.reason === "command" && e.sentence.startsWith(`'resync pause' of ${name} `)) : null;
	const who = told?.sentence.match(/ was asked for by (.*) \(operation/)?.[1];
	const text = who ? `${who} paused it` : why.sentence;
	const wall = view.status.wall_ms + (view.self ? ageOf(state, performance.now()) : 0);
	const at = told ? told.time * 1000 : why.for_s > 0 ? wall - ms : 0;
	return { code: why.code, text, at, ms: at ? Math.max(1000, Math.floor((wall - at) / 1000) * 1000) : 0 };
}

// By md on the active node: what a superblock once called failed may have been mended since.
export function hasFailed(leg, { node, mirror }) {
	const o = mirror.observed;
	return !!o?.array_running && (leg.node === node ? o.own_failed : o.peer_failed);
}

// Nobody serves, and this machine says of its own leg that the other one may have more: what the last decision called it is no comfort.
export function isUnsure(leg, { mirror, node }) {
	return mirror.health === "down" && leg.node === node && ["waiting-for-peer", "stale"].includes(mirror.reason.code);
}

// What is said of a leg (docs/GLOSSARY.md: a node's disk in the mirror; "disk" is the device alone). Where nobody is active it is what the last decision says.
export function legWord(leg, view) {
	const { mirror } = view;
	if (mirror.record.version === "0") return "not used yet";
	if (hasFailed(leg, view)) return "failed";
	if (isUnsure(leg, view)) return "may lack writes";
	const word = leg.in_sync ? "in sync" : leg.inconsistent ? "being resynced" : "out of sync";
	return mirror.role === "primary" || mirror.health !== "down" ? word : `was ${word}`;
}

// Machines whose configurations or words about who is active differ: it may hurt later, whatever runs now.
const quarrel = (state, name) => (state.cluster?.disagreements ?? []).find((d) => ["configuration", "primary"].includes(d.about) && (!d.mirror || d.mirror === name));

const TONE = { ok: "ok", degraded: "warning", frozen: "critical", down: "critical", starting: "warning", unconfigured: "info" };

// "By its configuration mirror data: devices node-b is /dev/vdc for witness, and /dev/vdb for node-a and node-b."
function whatDiffers({ lines }) {
	const [first, ...more] = lines.filter((l) => Object.values(l.said).some((v) => v !== null));
	if (!first) return "";
	const by = new Map();
	for (const [who, value] of Object.entries(first.said)) by.set(value ?? "not there", [...(by.get(value ?? "not there") ?? []), who]);
	const said = [...by].toSorted((a, b) => a[1].length - b[1].length).map(([value, who]) => `${value} for ${list(who, "and")}`);
	return ` ${first.what[0].toUpperCase()}${first.what.slice(1)} is ${list(said, "and")}${more.length ? `; and ${more.length} more` : ""}.`;
}

// Where the data is while nobody serves it; where the reason itself says what a leg may lack, that waiting costs nothing but time.
function recorded(m) {
	const names = m.legs.filter((l) => l.in_sync).map((l) => l.node);
	if (["waiting-for-peer", "stale"].includes(m.reason.code)) return " Nothing is lost while it waits.";
	return names.length ? ` By the last decision every acknowledged write is on ${list(names, "and on")}.` : "";
}

export const blocks = (n) => `${n} block${Number(n) === 1 ? "" : "s"} of 4 KiB`;
export const isVerifying = (verify) => ["running", "paused"].includes(verify?.run?.state);

// The other leg is still required, and its connection is away: what is written now waits for it.
export const isWaiting = (m) => m.role === "primary" && m.observed?.attached === true && !m.observed.leg_connected && m.legs.every((l) => l.in_sync);

// {tone, head, detail}: `head` without numbers that tick, so that it can be announced; `ticks` is what follows it.
export function verdict(state, name) {
	const view = bestView(state, name);
	const m = view.mirror;
	const primary = m.record.primary;
	const both = m.legs.length > 0 && m.legs.every((l) => l.in_sync);
	const say = (tone, head, detail, ticks = "") => ({ tone, head, detail: byName(detail, view.node), ticks, mirror: name, view });
	if (both && primary && (m.health === "ok" || m.health === "degraded")) {
		const where = `${name} is active on ${primary}. Both legs hold every acknowledged write.`;
		const gone = silent(view.status);
		if (isWaiting(m)) return say("warning", `Writes wait for ${m.legs.find((l) => l.node !== primary).node}`, `${where} Its leg does not answer; if that lasts, hamon decides to go on without it.`);
		if (m.reason.code === "legs-differ") return say("warning", "Running, but the two legs differ", `${name} is active on ${primary}, and reads the leg there. Both legs were given every acknowledged write, and yet they differ in ${blocks(m.verify?.last?.differing_blocks ?? 0)}.`);
		if (m.reason.severity === "critical" || (m.reason.severity === "warning" && !gone.length)) return say(m.reason.severity, "Redundant, with a problem", `${where} ${sentence(m.reason.sentence)}`);
		const d = gone.length ? null : quarrel(state, name);
		if (d) return say("warning", `Redundant, but the ${d.about === "primary" ? "machines disagree" : "configurations differ"}`, `${where}${whatDiffers(d)}`);
		return gone.length ? say("warning", `Redundant, but ${list(gone, "and")} ${gone.length > 1 ? "are" : "is"} not heard`, where) : say("ok", "Redundant", where);
	}
	if (m.health === "degraded") {
		const left = m.legs.filter((l) => l.in_sync).map((l) => l.node);
		return say("warning", "Running, NOT redundant", `${name} is active on ${primary}. Only ${list(left)}'s leg holds every acknowledged write; if it fails, they are lost.`, "since");
	}
	if (m.health === "frozen") {
		const gone = silent(view.status);
		return say("critical", `Frozen, waiting for ${gone.length ? list(gone) : "a majority"}`, `${sentence(m.reason.sentence)} Writes wait; none is lost.${both ? "" : ` Only ${list(m.legs.filter((l) => l.in_sync).map((l) => l.node))}'s leg holds every acknowledged write.`}`, "since");
	}
	if (m.health === "starting" && ["candidate", "taking-over"].includes(m.role)) return say("critical", `Being taken over by ${view.node}`, `${sentence(m.reason.sentence)}${recorded(m)}`);
	if (m.health === "starting") return say("warning", "Starting", sentence(m.reason.sentence));
	if (m.health === "unconfigured" && m.reason.code === "being-removed") return say("warning", "Being removed", sentence(m.reason.sentence));
	if (m.health === "unconfigured") return say("info", "Not set up yet", `${sentence(m.reason.sentence)} Nothing is mirrored yet.`);
	if (m.health === "down") return say("critical", m.role === "unknown" ? "Not known to run" : m.reason.code === "waiting-for-peer" ? `Down, waiting for ${m.legs.find((l) => l.node !== view.node)?.node ?? "the other node"}` : "Down", `${sentence(m.reason.sentence)}${recorded(m)}`);
	return say(worse(TONE[m.health] ?? "warning", m.reason.severity), m.health === "ok" ? "Running, with a problem" : m.health, sentence(m.reason.sentence));
}

// "this node" as a machine says it of itself -> "node-b", for whoever reads it elsewhere.
export const byName = (text, node) => text.replace(/\bthis node\b/g, node);

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
		return view.mirror.health === "down" ? whatIfDown(view) : rows;
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

// Nobody serves: what is still to be lost is the legs.
function whatIfDown({ status, mirror }) {
	const legs = mirror.legs.filter((l) => l.in_sync);
	const unsure = ["waiting-for-peer", "stale", "torn"].includes(mirror.reason.code); // the record does not tell which leg has all
	return status.nodes.filter((n) => !n.witness).map((n) => {
		const row = { part: n.name, label: n.name };
		if (!n.alive) return { ...row, gone: true };
		if (!unsure && legs.length === 1 && legs[0].node === n.name) return { ...row, outcome: { code: "down", severity: "warning", sentence: "Nothing more stops, but its leg is the only complete one" } };
		return { ...row, outcome: { code: "down", severity: "info", sentence: unsure ? "Nothing more stops. Its leg must not be lost: which one has everything is not known" : "Nothing more stops, and the other leg has everything too" } };
	});
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
