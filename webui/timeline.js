// SPDX-License-Identifier: LGPL-2.1-or-later
// The last take-over as its phases with their milliseconds, from the events of the node that took over (one clock: CLOCK_BOOTTIME).

import { clock, h, span, svg } from "./dom.js";

const PHASES = {
	"node-dead": "silence noticed", "node-leaving": "the other node said goodbye", "takeover-begin": "asked the voters", "takeover-decided": "a majority decided",
	"takeover-fenced": "own export revoked and drained", "takeover-assembled": "array runs on the own disk", "leg-handed": "both disks taken over", primary: "active",
	"service-up": "service up",
};
const BEFORE_MS = 15000; // a silence belongs to the take-over that follows within this

function phasesOf(events, mirror) {
	const ends = events.findLastIndex((e) => e.mirror === mirror && e.reason === "takeover-decided");
	if (ends < 0) return null;
	let first = ends;
	while (first > 0 && events[first - 1].uptime_ms <= events[first].uptime_ms && events[ends].uptime_ms - events[first - 1].uptime_ms < BEFORE_MS && !(events[first - 1].mirror === mirror && ["primary", "takeover-decided"].includes(events[first - 1].reason))) first--;
	const phases = [];
	const seen = new Set();
	for (const e of events.slice(first)) {
		if (e.mirror && e.mirror !== mirror) continue;
		if (e.uptime_ms - events[ends].uptime_ms > 120000 || e.uptime_ms < events[first].uptime_ms) break; // or of another boot
		if (e.reason === "takeover-begin" && seen.has("takeover-begin")) phases.pop();
		else if (!PHASES[e.reason] || seen.has(e.reason)) continue;
		if (e.reason === "node-dead" && events.slice(first).some((x) => x.reason === "node-leaving" && x.node === e.node)) continue;
		seen.add(e.reason);
		phases.push({ at: e.uptime_ms, time: e.time * 1000, label: PHASES[e.reason], code: e.reason, silent: Number(/silent for (\d+) ms/.exec(e.sentence)?.[1] ?? 0) });
		if (e.reason === "service-up") break;
	}
	return phases.length > 1 ? phases : null;
}

// {node, phases, start, total, epoch}: the newest of all nodes' take-overs; null: none is remembered.
export function lastTakeover(state, mirror) {
	let best = null;
	for (const [node, events] of [[state.status.node.name, state.events], ...Object.entries(state.peerEvents).map(([n, a]) => [n, a.events])]) {
		const phases = phasesOf(events, mirror);
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
	return [h("p", {}, `${last.node} became active at ${clock(last.time)}, `, h("strong", { class: "number" }, span(last.total)), last.phases[0].code === "node-dead" ? " after the last sign of life." : " after it began."),
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
