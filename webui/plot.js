// SPDX-License-Identifier: LGPL-2.1-or-later
// Round trip and loss of each link over the last three minutes, small.

import { h, svg, table } from "./dom.js";

const W = 180, H = 28, N = 90;

function spark(samples, label) {
	const top = Math.max(1000, ...samples.map((s) => s.rtt_us ?? 0));
	const x = (i) => (W * (N - samples.length + i)) / (N - 1);
	let path = "", pen = "M";
	samples.forEach((s, i) => {
		if (s.rtt_us === null) {
			pen = "M";
			return;
		}
		path += `${pen}${x(i).toFixed(1)} ${(H - 3 - (s.rtt_us / top) * (H - 8)).toFixed(1)}`;
		pen = "L";
	});
	return svg("svg", { class: "spark", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label }, svg("path", { class: "base", d: `M0 ${H - 2.5}H${W}` }),
		samples.map((s, i) => (s.silent ? svg("rect", { class: "gone", x: (x(i) - 1).toFixed(1), y: 2, width: 2.2, height: H - 5 })
			: s.loss > 0 ? svg("rect", { class: "loss", x: (x(i) - 1).toFixed(1), y: (H - 2.5 - Math.max(2, s.loss * (H - 6))).toFixed(1), width: 2.2, height: Math.max(2, s.loss * (H - 6)).toFixed(1) }) : null)),
		svg("path", { class: "rtt", d: path || "M0 0" }));
}

const ms = (us) => (us === null || us === undefined ? "–" : us < 10000 ? `${(us / 1000).toFixed(2)} ms` : `${Math.round(us / 1000)} ms`);

export function heartbeats(state) {
	const links = state.links?.links ?? [];
	if (!links.length) return h("p", { class: "quiet" }, "No link was measured yet.");
	return table(`Links from ${state.links.node}`, ["To", "Link", ["Round trip"], ["Loss"], ["Last heard"], "Last three minutes"], links.map((l) => {
		const samples = state.samples.get(`${l.peer} ${l.local}`) ?? [];
		const silent = l.heard_ms_ago === null || l.heard_ms_ago > 3000;
		const heard = l.heard_ms_ago === null ? "never" : silent ? `${Math.round(l.heard_ms_ago / 1000)} s ago` : "now";
		return h("tr", { key: `${l.peer}${l.local}`, class: silent ? "bad" : undefined }, h("th", { scope: "row" }, l.peer), h("td", {}, `${l.local} → ${l.remote}`), h("td", { class: "number" }, silent ? "–" : ms(l.rtt_us)),
			h("td", { class: "number" }, silent ? "–" : `${(l.loss * 100).toFixed(l.loss > 0 && l.loss < 0.1 ? 1 : 0)} %`), h("td", { class: "number" }, heard),
			h("td", {}, spark(samples, `${l.peer}: round trip ${ms(l.rtt_us)}, loss ${(l.loss * 100).toFixed(0)} %`)));
	}));
}
