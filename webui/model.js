// SPDX-License-Identifier: LGPL-2.1-or-later
// From what is known to what is said: verdict, what if, since when. Pure; decides nothing that hamon has not decided.

const OLD_MS = 6000;
const ORDER = { ok: 0, info: 1, warning: 2, critical: 3 };
export const worse = (a, b) => (ORDER[a] >= ORDER[b] ? a : b);
export const order = (severity) => ORDER[severity];

// Age of this node's view as it is shown, in ms.
export const ageOf = (state, now) => (state.status ? Math.max(0, now - state.statusAt) : Infinity);
export const isOld = (state, now) => ageOf(state, now) > OLD_MS;

// It does not answer any more, for longer than one answer may take.
const LOST_MS = 1000;
export const isLost = (state, now) => !!state.lostSince && now - state.lostSince > LOST_MS;

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

// Nobody serves, and the node that speaks, whose leg was whole when it last knew, does not hear the other one: that may have gone on since.
export function isOpen({ status, mirror, node }) {
	const other = status.nodes.find((n) => !n.witness && n.name !== node);
	return mirror.health === "down" && mirror.role !== "primary" && mirror.legs.some((l) => l.node === node && l.in_sync) && (mirror.reason.code === "waiting-for-peer" || other?.alive === false);
}

// This machine says of its own leg that the other one may have more: what the last decision called it is no comfort.
export function isUnsure(leg, view) {
	return view.mirror.health === "down" && leg.node === view.node && (isOpen(view) || ["waiting-for-peer", "stale"].includes(view.mirror.reason.code));
}

// What is said of a leg (docs/GLOSSARY.md: a node's disk in the mirror; "disk" is the device alone). Where nobody is active it is what the last decision says.
export function legWord(leg, view) {
	const { mirror } = view;
	if (mirror.record.version === "0") return "not used yet";
	if (hasFailed(leg, view)) return "failed";
	if (isUnsure(leg, view)) return "may lack writes";
	if (isOpen(view)) return "may have newer writes";
	if (differs(mirror)) return "differs";
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
	const said = [...by].toSorted((a, b) => a[1].length - b[1].length).map(([value, who]) => `${value} in the file of ${list(who, "and")}`);
	return ` ${first.what[0].toUpperCase()}${first.what.slice(1)} is ${list(said, "and")}${more.length ? `; and ${more.length} more` : ""}.`;
}

const HOLD = "both legs hold every acknowledged write";
const onlyOn = (names) => `only the leg of ${list(names)} holds every acknowledged write. If that disk is lost, so is the data.`;
export const differs = (m) => m.reason.code === "legs-differ";

// Where the data is while nobody serves it, by the record of the node that speaks.
function recorded(view) {
	const { mirror: m, node } = view;
	const whole = m.legs.filter((l) => l.in_sync).map((l) => l.node);
	const other = m.legs.find((l) => l.node !== node);
	const keep = "Do not erase either disk.";
	if (m.role === "primary" && whole.length) return whole.length > 1 ? { tone: "ok", text: `Yes: ${HOLD}.` } : { tone: "warning", text: `Yes, but ${onlyOn(whole)}` };
	if (isOpen(view)) return { tone: "warning", text: `Not known until ${other.node} is back: perhaps only its disk has the newest writes. Waiting loses nothing. ${keep}` };
	if (!whole.length) return { tone: "warning", text: `Not known: no leg was whole by the last decision. ${keep}` };
	if (m.legs.some((l) => l.node === node && !l.in_sync) || m.reason.code === "torn" || m.reason.code === "stale") return { tone: "warning", text: `Yes, but only on the leg of ${list(whole, "and")}; that of ${node} lacks writes. Nothing is lost while it waits.` };
	return { tone: whole.length > 1 ? "ok" : "warning", text: `Yes: by the last decision that ${node} knows, every acknowledged write is on ${list(whole, "and on")}.` };
}

// The same in two words, for a line.
export const shortly = (text) => (/^Yes.*only/.test(text) ? "yes, one leg" : text.startsWith("Yes") ? "yes" : text.startsWith("Not known") ? "not known" : text.startsWith("There is no") ? "there is none yet" : "its disks keep it");

export const blocks = (n) => `${n} block${Number(n) === 1 ? "" : "s"} of 4 KiB`;
export const isVerifying = (verify) => ["running", "paused"].includes(verify?.run?.state);

// The other leg is still required, and its connection is away: what is written now waits for it.
export const isWaiting = (m) => m.role === "primary" && m.observed?.attached === true && !m.observed.leg_connected && m.legs.every((l) => l.in_sync);

const NO_TAKEOVER = "One more failure would freeze it (writes wait, clients hang) or take it down (nobody serves): see below.";

// Of a node that is silent while the other one goes on: whether that one took over, and that nothing happens when it is switched on.
function comesBack(state, view) {
	const other = view.status.nodes.find((n) => !n.witness && n.name !== view.node);
	if (other?.alive !== false) return ".";
	let took = false;
	for (const e of view.self ? state.events : []) if (!e.mirror || e.mirror === view.mirror.name) took = e.reason === "takeover-decided" || (took && !REDUNDANT.includes(e.reason));
	return `${took ? `, which took over from ${other.name}` : ""}. ${other.name} may simply be switched on: it is brought up to date, and does not become active by itself.`;
}

// {tone, head, detail, safe: {tone, text}}: `head` without numbers that tick, so that it can be announced; `ticks` is what follows it; `safe` answers "is the data safe?".
export function verdict(state, name) {
	const view = bestView(state, name);
	const m = view.mirror;
	const primary = m.record.primary;
	const both = m.legs.length > 0 && m.legs.every((l) => l.in_sync);
	const left = m.legs.filter((l) => l.in_sync).map((l) => l.node);
	const say = (tone, head, safe, detail, ticks = "") => ({ tone, head, safe: { ...safe, text: byName(safe.text, view.node) }, detail: byName(detail, view.node), ticks, mirror: name, view });
	const yes = { tone: "ok", text: `Yes: ${HOLD}.` };
	const known = () => recorded(view);
	const reason = () => mirrorNamed(sentence(m.reason.sentence), name);
	if (both && primary && (m.health === "ok" || m.health === "degraded")) {
		const where = `Mirror ${name} is active on ${primary}.`;
		const gone = silent(view.status);
		if (isWaiting(m)) return say("warning", `Writes wait for ${m.legs.find((l) => l.node !== primary).node}`, yes, `${where} The other leg does not answer; if that lasts, hamon decides to go on without it.`);
		if (differs(m)) return say("warning", "Running, but the two legs differ", { tone: "warning", text: `Not known: both legs were given every acknowledged write, and yet they differ in ${blocks(m.verify?.last?.differing_blocks ?? 0)}. Which one is right only you can tell.` }, `${where} It reads the leg there.`);
		if (m.reason.severity === "critical" || (m.reason.severity === "warning" && !gone.length)) return say(m.reason.severity, "Redundant, with a problem", yes, `${where} ${reason()}`);
		const d = gone.length ? null : quarrel(state, name);
		if (d) return say("warning", `Redundant, but the ${d.about === "primary" ? "machines disagree" : "configurations differ"}`, yes, `${where}${whatDiffers(d)}${d.about === "configuration" ? " This can wait until morning: until then each machine goes by its own file." : ""}`);
		return gone.length ? say("warning", `Both legs whole, NO take-over possible: ${list(gone, "and")} ${gone.length > 1 ? "are" : "is"} not heard`, yes, `${where} ${NO_TAKEOVER}`) : say("ok", "Redundant", yes, where);
	}
	if (m.health === "degraded") {
		const bad = m.reason.severity === "critical";
		return say(bad ? "critical" : "warning", "Running, NOT redundant", { tone: bad ? "critical" : "warning", text: `Yes, but ${onlyOn(left)}` }, `Mirror ${name} is active on ${primary}${bad ? `. ${reason()}` : comesBack(state, view)}`, "since");
	}
	if (m.health === "frozen") {
		const gone = silent(view.status);
		return say("critical", `Frozen, waiting for ${gone.length ? list(gone) : "a majority"}`, { tone: both ? "ok" : "warning", text: `Yes: writes wait, and none is lost; ${both ? `${HOLD}.` : onlyOn(left)}` }, `Clients are NOT served, and writes wait. ${reason()}`, "since");
	}
	if (m.health === "starting" && ["candidate", "taking-over"].includes(m.role)) return say("critical", `Being taken over by ${view.node}`, known(), reason());
	if (m.health === "starting") return say("warning", "Starting", known(), reason());
	if (m.health === "unconfigured" && m.reason.code === "being-removed") return say("warning", "Being removed", { tone: "info", text: "Its disks keep what is on them." }, reason());
	if (m.health === "unconfigured") return say("info", "Not set up yet", { tone: "info", text: "There is no mirror yet: nothing is protected. hamon has written nothing to these disks." }, `No mirror ${name} was found on the disks that hamon.conf names.`);
	if (m.health === "down") return say("critical", m.role === "unknown" ? "Not known to run" : m.reason.code === "waiting-for-peer" ? `Down, waiting for ${m.legs.find((l) => l.node !== view.node)?.node ?? "the other node"}` : "Down", known(), `Clients are NOT served. ${reason().replace("act is not running", `$& on ${view.node}`)}`);
	return say(worse(TONE[m.health] ?? "warning", m.reason.severity), m.health === "ok" ? "Running, with a problem" : m.health, known(), reason());
}

// "this node" as a machine says it of itself -> "node-b", for whoever reads it elsewhere.
export const byName = (text, node) => text.replace(/\bthis node\b/g, node);

// A mirror is called that where a sentence begins with it: one that is named "data" is not the data.
export const mirrorNamed = (text, name) => (text.startsWith(`${name} `) || text.startsWith(`${name}:`) ? `Mirror ${text}` : text);

// "data: no majority answers" -> "data: no majority answers."
export const sentence = (text) => (/[.?!]$/.test(text) ? text : `${text}.`);

export function worstMirror(state) {
	const said = state.status.mirrors.map((m) => verdict(state, m.name));
	return said.toSorted((a, b) => order(b.tone) - order(a.tone))[0];
}

// What hamon foresees for each part that still works, in the configuration's order: [{part, label, outcome}].
export function whatIf(state, name) {
	const view = bestView(state, name);
	const rows = [];
	if (!["ok", "degraded"].includes(view.mirror.health) && (view.mirror.role !== "primary" || view.mirror.health === "down")) {
		if (view.mirror.record.version === "0") return [{ part: "node", label: "a node", outcome: { code: "none", severity: "info", sentence: "Nothing stops: no mirror runs yet" } }];
		return view.mirror.health === "down" ? whatIfDown(view) : rows;
	}
	for (const node of view.status.nodes) {
		const label = node.witness ? "the witness" : node.name;
		if (!node.alive) {
			rows.push({ part: node.name, label, gone: GONE });
			continue;
		}
		const outcome = foreseen(state, view, node, name);
		if (outcome) rows.push({ part: node.name, label, outcome: outcome.code === "witness-lost" ? { ...outcome, severity: "info" } : outcome });
	}
	const link = state.whatIf.link?.find((s) => s.mirror === name)?.outcome;
	if (link && view.status.nodes.every((n) => n.alive)) rows.push({ part: "link", label: "the nodes' link", outcome: differs(view.mirror) ? { ...link, severity: worse(link.severity, "info") } : link });
	return rows;
}

// Nobody serves: what is still to be lost is the legs.
function whatIfDown(view) {
	const { status, mirror } = view;
	const legs = mirror.legs.filter((l) => l.in_sync);
	return status.nodes.map((n) => {
		const row = { part: n.name, label: n.witness ? "the witness" : n.name };
		const down = (severity, more) => ({ ...row, outcome: { code: "down", severity, sentence: `Already down: nothing more stops.${more}` } });
		if (!n.alive) return { ...row, gone: isOpen(view) && !n.witness ? `${GONE} Keep its disk: it may have newer writes.` : GONE };
		if (n.witness) return down("info", "");
		if (isOpen(view)) return down("warning", " Which disk has everything is not known yet: keep both");
		if (legs.length === 1 && legs[0].node === n.name) return down("warning", " If its disk is lost too, the data is lost");
		return down("info", legs.some((l) => l.node === n.name) ? " The other leg has everything too" : " Its leg lacks writes; keep it until the other one is back");
	});
}

// Where the other leg is whole, too, and its node there, it is the witness's vote that is missing.
export function orWitness({ status, mirror }, outcome) {
	if (outcome?.code !== "will-stop" || !mirror.legs.every((l) => l.in_sync) || status.nodes.some((n) => n.alive === !!n.witness)) return outcome;
	return { ...outcome, sentence: outcome.sentence.replace(" is back; nothing is lost unless its disk is lost", " or the witness is back; nothing is lost: both legs are whole") };
}

// The status has it for the two nodes; the rest was asked for.
function foreseen(state, view, node, name) {
	if (view.mirror.health === "frozen" && node.name === view.node) return { code: "will-stop", severity: "warning", sentence: `Clients stay without service until ${node.name} is back; no acknowledged write is lost, what waits now fails` };
	const outcome = orWitness(view, !node.witness && view.mirror.if_self_fails ? (node.name === view.status.node.name ? view.mirror.if_self_fails : view.mirror.if_peer_fails)
		: state.whatIf[node.name]?.find((s) => s.mirror === name)?.outcome);
	if (!outcome || !differs(view.mirror)) return outcome;
	return outcome.code === "will-take-over" ? { ...outcome, severity: "warning", sentence: `${outcome.sentence}, and would then read its own leg, which differs` } : { ...outcome, severity: worse(outcome.severity, "info") };
}

// What hamon foresees, as it is said of a part: "data would freeze" -> "Mirror data would freeze".
export function foretold(text, name) {
	if (text.startsWith("the witness is not heard: a second fault")) return `Nothing stops; a second fault would then freeze mirror ${name} or take it down`;
	return mirrorNamed(text.replace(` take ${name} over`, ` take mirror ${name} over`), name);
}

const GONE = "It is silent already: nothing more stops.";

const SHORT = { none: "nothing is lost", "will-take-over": "taken over", "will-go-on": "goes on", "will-freeze": "freezes", "will-stop": "down", "will-wait": "down", "will-ask": "waits", down: "down" };

// Both nodes, always: "node-a fails: taken over", for a line.
export const failsShortly = (state, name) => whatIf(state, name).filter((w) => w.part !== "link" && w.label !== "the witness").map((w) => `${w.label} fails: ${w.gone ? "already silent" : SHORT[w.outcome.code] ?? "see above"}`);
