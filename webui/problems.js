// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong, most urgent first: from reasons, disagreements, views, links and exports to {severity, code, cause, why, steps}. Pure.

import { age } from "./dom.js";
import { bestView, byName, list, order, resyncOf, viewsOf, worse } from "./model.js";

// Of what is no reason of hamon's, which bring theirs along.
const WHY = {
	"node-silent": "It cannot take over, and what it shows is old.",
	"view-old": "What this page says about that machine may be out of date.",
	"link-silent": "Heartbeats have one way less; if the last one breaks too, the node counts as dead.",
	configuration: "Nothing acts on it now, and it can wait until morning; make no other change before.",
	"config-waits": "It runs nowhere as far as that machine knows; it is settled by itself when the other is heard.",
	version: "Newer features wait until all machines run the same version.",
	record: "One machine has missed the latest decision, for a moment or because it is cut off.",
	export: "A client or the other node cannot use this disk.",
	packets: "Something on the network speaks to hamon without belonging to this cluster, or with another version or key.",
};

const DETAIL = /((?:hamonctl|journalctl|systemctl|nbdd) [^;,]*)/;

// What to do about a machine that is silent: the likeliest first. /status has the same words (hamon/api/status_page.c).
const bringBack = (who, on, units) => [{ text: `Is ${who} on? If not, switch it on.` },
	{ text: "If it is, are its links up? Look at its console, the cable and the switch:", on, command: "ip -br link" },
	{ text: "If they are, start hamon there:", on, command: `systemctl start ${units}` }];
const startNode = (who) => bringBack(who, who, "hamon-act hamon nbdd");
const startWitness = (witness) => bringBack(!witness || witness === "witness" ? "the witness" : `the witness (${witness})`, witness, "hamon-witness");

// By who it is that does not go on, as far as the active node knows; a pause that ends has md begin again where it was.
function stalledSteps({ node, peer, why, mirror }) {
	const again = [{ text: "No errors, or mended? Restart the resync (it pauses for 10 s, then goes on by itself):", on: node, command: `hamonctl mirror resync pause --for 10s ${mirror}` }];
	const own = { text: `Look for errors of the disk of ${node}, the only good leg; if there are, save the data first:`, on: node, command: "dmesg | tail -n 50" };
	const theirs = { text: `See why the leg of ${peer} does not answer:`, on: peer, command: "journalctl -u nbdd -n 50" };
	if (why?.code === "leg") return [theirs, { text: "Look at the disk there, and at the link:", on: peer, command: "dmesg | tail -n 50" }, ...again];
	if (why?.code === "own-leg") return [own, ...again];
	return [{ text: `Nobody paused it. Look for disk errors on ${node}, whose leg is the only good one:`, on: node, command: "dmesg | tail -n 50; cat /proc/mdstat" }, ...again];
}

// Exact commands for a reason: [{on, command}] or [{text}].
function stepsOf(reason, c) {
	const { node, peer, mirror, peerAlive, witness } = c;
	const journal = { text: `See on ${node} what failed, and correct it:`, on: node, command: "journalctl -u hamon-act -n 50" };
	switch (reason.code) {
	case "degraded":
		return peerAlive ? [{ text: `${peer} is heard, its leg is not in sync yet. See why there:`, on: peer, command: "hamonctl status" },
			{ on: peer, command: "journalctl -u hamon-act -u nbdd -n 50" }] : startNode(peer);
	case "witness-lost": return startWitness(witness);
	case "frozen": case "no-majority": case "lease-lost":
		if (c.witnessAlive === false) return [...(peerAlive ? [] : [{ text: `${node} hears nobody. Look at its own cable and switch first:`, on: node, command: "ip -br link" }]), ...startWitness(witness),
			...(peerAlive ? [] : [{ text: `Or bring ${peer} back, in the same way.` }])];
		return peerAlive ? [] : startNode(peer);
	case "waiting-for-peer": return [...startNode(peer), { text: `Only if ${peer} or its leg is gone for good, and its last writes may be given up:`, on: node, command: `hamonctl mirror start-alone ${mirror}` }];
	case "stale": return [...startNode(peer), { text: `Only if ${peer} or its leg is gone for good, and all that was written since may be given up; this says since when:`, on: node, command: `hamonctl mirror force-primary ${mirror} --dry-run` }];
	case "not-active": return [{ text: "What each node waits for, there:", on: node, command: "hamonctl explain" }];
	case "manual-frozen": return [{ text: `Make sure that ${peer} is off, then say so:`, on: node, command: `hamonctl node confirm-dead ${peer}` }];
	case "being-removed": return [{ text: "Finish it:", on: node, command: `hamonctl mirror remove ${mirror}` }, { text: "Or take it back, and it starts again:", on: node, command: `hamonctl maintenance off ${mirror}` }];
	case "no-leg": return [{ text: `Give ${node} a leg of the mirror:`, on: node, command: `hamonctl mirror join ${mirror}` }];
	case "not-created": return [{ text: "Did it exist before, or are you not sure? Create nothing: hamon.conf may name the wrong disks. Look for the right ones, on both nodes:", on: node, command: "lsblk -o NAME,SIZE,FSTYPE,LABEL" },
		{ text: "Write them into /etc/hamon/hamon.conf (device =), and apply it:", on: node, command: "hamonctl config apply /etc/hamon/hamon.conf" },
		{ text: "Is it brand new? Create it on one node, then join it on the other one; each asks before it overwrites a disk that is not blank:", on: node, command: `hamonctl mirror create ${mirror}` }];
	case "act-lost": return [{ text: `Start hamon-act on ${node}, and see why it ended (safe: ${node} becomes active only with every write):`, on: node, command: "systemctl start hamon-act" }, { on: node, command: "journalctl -u hamon-act -n 50" },
		...(peerAlive === false ? [{ text: `Then bring ${peer} back, too. Is it on? If not, switch it on.` }] : [])];
	case "own-leg-failed": return [{ text: "Replace the disk, restart hamon-act and hamon, then:", on: node, command: `hamonctl mirror join ${mirror} --overwrite` }];
	case "probe-failed": case "own-leg-unsafe": return [{ text: "Look at the disk, save the data, replace it:", on: node, command: "dmesg | tail -n 50" }];
	case "resync-stalled": return stalledSteps(c);
	case "resync-paused": return [{ text: "Resume the resync:", on: node, command: `hamonctl mirror resync resume ${mirror}` }];
	case "resync": return [{ text: "Wait until it is done.", on: node, command: "hamonctl status --watch" }];
	case "effect-failed": case "effect-slow": case "service-failed": case "service-unhealthy": return [journal];
	case "service-given-up": return [journal, { text: "When it is mended:", on: node, command: `hamonctl service restart ${mirror}` }];
	case "leg-refused": return [{ on: peer, command: "journalctl -u nbdd -n 50" }];
	case "legs-differ": return [{ text: "Let it run. Until you know which leg is right: no switchover, stop no node." }, { text: "See which ranges differ, and compare what is there with a backup or its checksums (the chapter says how):", on: node, command: "hamonctl status" },
		{ text: "That can wait until morning. When you know which leg is right, the chapter has the commands." }];
	case "torn": return [...startNode(peer), { text: `Only if ${peer} or its leg is gone for good; this shows what can still be read here:`, on: node, command: `hamon-rescue ${c.device ?? "DISK"}` }];
	}
	const command = reason.next?.match(DETAIL)?.[1];
	return command ? [{ on: node, command: command.trim() }] : reason.next ? [{ text: `${reason.next[0].toUpperCase()}${reason.next.slice(1)}.` }] : [];
}

function context(status, mirror) {
	const self = status.node.name;
	const peer = status.nodes.find((n) => !n.self && !n.witness);
	const witness = status.nodes.find((n) => n.witness);
	const other = status.node.kind === "witness" ? mirror?.record.primary : self;
	const node = other ?? self;
	return { node, why: mirror?.resync?.why, device: mirror?.legs.find((l) => l.node === node)?.device, peer: peer?.name, peerAlive: peer?.alive, mirror: mirror?.name, witness: witness?.name, witnessAlive: witness?.alive };
}

function make(severity, code, cause, more = {}) {
	return { severity, code, cause, why: WHY[code] ?? "", steps: [], ...more };
}

// Another machine's view is a moment old: what it says under an older record is over, and of redundancy the active node knows best.
function isCurrent(state, view, mirror) {
	const best = bestView(state, mirror.name);
	if (view.node === best.node) return true;
	if (best.mirror.role === "primary" && mirror.reason.code === "not-active") return false; // it has not heard of it yet
	return Number(mirror.record.version) >= Number(best.mirror.record.version) && !["degraded", "resync", "resync-paused", "resync-stalled"].includes(mirror.reason.code);
}

function ofView(state, view, self) {
	const found = [];
	const status = view.status;
	const names = status.mirrors.map((m) => m.name).join(", ");
	const add = (reason, mirror) => {
		if (reason.severity !== "warning" && reason.severity !== "critical" && reason.code !== "not-created") return;
		found.push({ ...make(reason.severity, reason.code, byName(reason.sentence.replace("the mirror", names), view.node), { why: reason.why ?? "", steps: stepsOf(reason, context(status, mirror)), by: view.node }),
			detail: mirror?.last_failure && ["effect-failed", "service-failed", "service-given-up"].includes(reason.code)
				? `${mirror.last_failure.effect}: ${mirror.last_failure.error}. ${mirror.last_failure.detail}` : "" });
	};
	for (const reason of status.reasons) add(reason, status.mirrors[0]);
	for (const mirror of status.mirrors) if (isCurrent(state, view, mirror)) add(mirror.reason, mirror);
	for (const p of status.packets.refused)
		if (p.last_ms_ago < 60000) found.push(make("warning", `packet-${p.kind}`, `${p.sentence} (from ${p.last_from}, ${p.count} so far)`, { why: WHY.packets, by: view.node, chapter: false }));
	const waits = status.node.config_waits;
	if (waits) found.push(make("warning", "config-waits", `Version ${waits.version} of the configuration waits on ${view.node}: ${waits.by} has not said whether it counts`, { by: view.node, chapter: false,
		steps: [{ text: `Bring ${waits.by} back. Only if it is gone for good:`, on: view.node, command: "hamonctl config discard" }] }));
	if (self) for (const node of status.nodes) ofLinks(node, found);
	return found;
}

function ofLinks(node, found) {
	const silent = node.links.filter((l) => l.error || l.heard_ms_ago === null || l.heard_ms_ago > 3000);
	const addresses = new Set(node.links.map((l) => l.remote)).size;
	if (!node.alive || addresses < 2 && silent.length < node.links.length || !silent.length) return;
	for (const l of silent)
		found.push(make("warning", "link-silent", `The link ${l.local} to ${l.remote} of ${node.name} is silent${l.error ? `: ${l.error}` : ""}`,
			{ chapter: false, steps: [{ text: "Look at the cable, the switch and the interface:", command: `ping -c 3 -I ${l.local} ${l.remote.replace(/:\d+$/, "").replace(/[[\]]/g, "")}` }] }));
}

// Most have it first: it is most often the right one. One command carries it to all machines.
function applySteps({ said }, nodes, active) {
	const by = new Map();
	for (const name of nodes) if (said[name]) by.set(said[name], [...(by.get(said[name]) ?? []), name]);
	const groups = [...by.values()].toSorted((a, b) => b.length - a.length);
	const [most = []] = groups;
	const others = nodes.filter((n) => !most.includes(n));
	const first = most.length > 1 && others.length ? `By morning: apply the configuration of ${list(most, "and")} to all machines. Theirs is the same${most.includes(active) ? ", the active node among them" : ""}, so that of ${list(others, "and")} is most likely wrong:`
		: `By morning: if the configuration of ${list(most, "and")} is right, apply it to all machines:`;
	return groups.map((who, i) => ({ text: i ? `If that of ${list(who, "and")} is right instead, there:` : first, on: who[0], command: "hamonctl config apply /etc/hamon/hamon.conf" }));
}

const STEPS_SHOWN = 5; // start alone, and what else gives something up, stands with its problem

export const stepsShown = (problem) => problem.steps.filter((step) => !/^Only if/.test(step.text ?? "")).slice(0, STEPS_SHOWN);

// {text, problem}: what to do first, by the most urgent problem that has an answer; a resync that moves is none.
export function firstOf(state, found, mirror) {
	const resync = resyncOf(state, mirror);
	const copies = resync && !resync.stalled && !resync.paused;
	const problem = found.find((p) => p.steps.length && !(copies && ["resync", "degraded"].includes(p.code)));
	if (!problem) return { text: copies ? "Nothing: wait for the resync." : found.length ? "Read the problems below." : "Nothing." };
	const [step] = problem.steps;
	return { problem, text: (step.text ?? `On ${step.on ?? problem.bys[0] ?? "this node"}: ${step.command}.`).replace(/:$/, ".") };
}

export function problems(state) {
	const found = [];
	const isActive = (view) => Number(!!view.status?.mirrors.some((m) => m.role === "primary"));
	for (const view of viewsOf(state).toSorted((x, y) => isActive(y) - isActive(x))) // what is to be typed where both say the same is typed where it is active
		if (view.self || (view.fresh && view.status)) found.push(...ofView(state, view, view.self));
	for (const node of state.status.nodes)
		if (!node.alive && !node.witness && state.status.node.kind === "node")
			found.push(make("warning", "node-silent", node.heard ? `${node.name} is silent` : `${node.name} is silent: not heard since hamon started here`,
				{ chapterOf: "node-dead", tick: node.heard ? node.silent_ms : null, steps: startNode(node.name) }));
	for (const view of viewsOf(state)) {
		const alive = state.status.nodes.find((n) => n.name === view.node)?.alive;
		if (!view.self && !view.fresh && alive)
			found.push(make("warning", "view-old", `${view.node} is heard but does not answer questions${view.age_ms === null ? "" : ` for ${age(view.age_ms).replace(" ago", "")}`}`,
				{ detail: view.error ?? "", chapter: false, steps: [{ on: view.node, command: "systemctl status hamon" }] }));
	}
	for (const d of state.cluster?.disagreements ?? [])
		found.push(make(d.about === "primary" ? "critical" : "warning", d.about, `${d.mirror ? `${d.mirror}: ` : ""}${d.sentence}`, { lines: d.lines, chapter: false,
			steps: d.about === "configuration" ? applySteps(d, state.status.nodes.map((n) => n.name), bestView(state, d.mirror ?? state.status.mirrors[0].name).mirror.record.primary) : [] }));
	for (const node of state.exports?.nodes ?? [])
		for (const x of node.exports ?? [])
			if (x.failed) found.push(make("critical", "export", `Export ${x.id} on ${node.node} failed: ${x.reason}`, { chapter: false, steps: [{ on: node.node, command: `nbdd --clear-error -i ${x.id}` }] }));
	return merge(found, state.status.nodes.map((n) => n.name));
}

// The same thing said by two machines is one problem; a degraded mirror explains its silent node.
function merge(found, names) {
	const all = new Map();
	for (const p of found) {
		const key = `${p.code} ${p.cause}`;
		const known = all.get(key);
		if (known) {
			known.severity = worse(known.severity, p.severity);
			if (p.by && !known.bys.includes(p.by)) known.bys.push(p.by);
		} else all.set(key, { ...p, bys: p.by ? [p.by] : [], key });
	}
	for (const p of all.values()) p.bys.sort((a, b) => names.indexOf(a) - names.indexOf(b));
	return [...all.values()].toSorted((a, b) => order(b.severity) - order(a.severity));
}
