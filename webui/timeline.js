// SPDX-License-Identifier: LGPL-2.1-or-later
// The last take-over as its phases with their milliseconds, from the events of the node that took over (one clock: CLOCK_BOOTTIME).

import { clock, h, span, svg } from "./dom.js";

// What a phase was for, to somebody who sees one for the first time; `me` took over from `other`. /status has the same words (hamon/api/status_takeover.c).
const PHASES = {
	"node-dead": (me, other) => `${other} is silent for long enough to count as dead`,
	"node-leaving": (me, other) => `${other} says that it stops`,
	"takeover-begin": (me, other, silence) => (silence ? `${me} waits until nobody counts on ${other} any more` : `${other} lets go in good order, and ${me} begins`),
	"takeover-decided": (me) => `a majority votes for ${me}: from now on it alone may write`,
	"takeover-fenced": (me, other) => `${me} shuts ${other} out: nothing it still sends reaches this leg`,
	"takeover-assembled": (me) => `the array starts on the leg of ${me}`,
	"leg-handed": (me, other) => `the leg of ${other} is equal and comes along: nothing to resync`,
	primary: (me) => `${me} is active and takes writes`,
	"service-up": () => "file system, address and units are up: clients are served",
};
const BEFORE = ["node-dead", "node-leaving", "takeover-begin"];
const BEFORE_MS = 15000; // a silence belongs to the take-over that follows within this
const AFTER_MS = 120000;

// What came before a decision is the last silence of the other node, and the last time it was asked for.
function phasesOf(events, mirror, me, other) {
	const ends = events.findLastIndex((e) => e.mirror === mirror && e.reason === "takeover-decided");
	if (ends < 0) return null;
	const decided = events[ends];
	const isNear = (e) => e.uptime_ms <= decided.uptime_ms && decided.uptime_ms - e.uptime_ms < BEFORE_MS; // of this boot, and not long ago
	const before = new Map();
	for (const e of events.slice(0, ends)) {
		if (!isNear(e) || (e.mirror && e.mirror !== mirror)) continue;
		if (e.reason === "takeover-decided" || (e.reason === "node-up" && e.node === other)) before.clear();
		if (BEFORE.includes(e.reason) && (e.reason === "takeover-begin" || e.node === other)) before.set(e.reason, e);
	}
	if (before.has("node-leaving")) before.delete("node-dead");
	const found = [...before.values()].toSorted((a, b) => a.uptime_ms - b.uptime_ms);
	for (const e of events.slice(ends)) {
		if (e.uptime_ms < decided.uptime_ms || e.uptime_ms - decided.uptime_ms > AFTER_MS) break;
		if ((e.mirror && e.mirror !== mirror) || BEFORE.includes(e.reason) || !PHASES[e.reason] || found.some((x) => x.reason === e.reason)) continue;
		found.push(e);
		if (e.reason === "service-up") break;
	}
	const silence = BEFORE.slice(0, 2).some((code) => before.has(code));
	return found.length > 1 ? found.map((e) => ({ at: e.uptime_ms, time: e.time * 1000, code: e.reason, label: PHASES[e.reason](me, other, silence), silent: e.reason === "node-dead" ? Number(/silent for (\d+) ms/.exec(e.sentence)?.[1] ?? 0) : 0 })) : null;
}

// {node, phases, start, total, epoch}: the newest of all nodes' take-overs; null: none is remembered.
export function lastTakeover(state, mirror) {
	let best = null;
	for (const [node, events] of [[state.status.node.name, state.events], ...Object.entries(state.peerEvents).map(([n, a]) => [n, a.events])]) {
		const phases = phasesOf(events, mirror, node, state.status.nodes.find((n) => !n.witness && n.name !== node)?.name);
		if (!phases || (best && phases.at(-1).time < best.phases.at(-1).time)) continue;
		const start = phases[0].at - phases[0].silent;
		best = { node, phases, start, total: phases.at(-1).at - start, time: phases.at(-1).time };
	}
	return best;
}

export function timeline(state, mirror) {
	const last = lastTakeover(state, mirror);
	if (!last) return h("p", { class: "quiet" }, "No take-over among the events that are kept.");
	let from = last.start;
	return [h("p", {}, `${last.node} became active at ${clock(last.time)}, `, h("strong", { class: "number" }, span(last.total)), last.phases[0].code === "node-dead" ? " after the last sign of life of the other node." : " after it began.", " What took how long:"),
		h("ol", { class: "phases" }, last.phases.map((p) => {
			const took = p.at - from;
			const left = last.total > 0 ? ((from - last.start) / last.total) * 100 : 0;
			const row = h("li", {}, h("span", { class: "label" }, p.label), h("span", { class: "number" }, `${took} ms`),
				svgBar(left, last.total > 0 ? (took / last.total) * 100 : 0));
			from = p.at;
			return row;
		}))];
}

function svgBar(left, width) {
	return svg("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { class: "track", x: 0, y: 3.5, width: 100, height: 1 }),
		svg("rect", { x: left.toFixed(2), y: 1, width: Math.max(0.6, width).toFixed(2), height: 6 }));
}
