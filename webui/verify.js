// SPDX-License-Identifier: LGPL-2.1-or-later
// Both legs compared (verify): the comparison under way, the last result with its age, what differs, and when the next one begins by itself.

import { bytes, clock, h, icon, span, table } from "./dom.js";
import { bestView, blocks, isVerifying } from "./model.js";
import { fact, section } from "./parts.js";

const RANGES_SHOWN = 4;

function underWay(v) {
	const paused = v.run.state === "paused";
	const left = Number(v.run.size_bytes) - Number(v.run.position_bytes);
	const known = Number(v.run.size_bytes) > 0;
	const goesOn = Number(v.run.pause_until) * 1000;
	return [h("progress", { max: "100", value: v.percent, "aria-label": "Compared" }, `${v.percent} %`),
		h("dl", { class: "facts" }, fact("Compared", `${v.percent.toFixed(0)} %`), fact("Left", known ? bytes(left) : "–"),
			fact("Rate", paused ? "paused" : v.rate_kib ? `${bytes(v.rate_kib * 1024)}/s` : v.waiting_for ? "waits" : "measuring"),
			fact("Done in", paused ? (goesOn ? `goes on at ${clock(goesOn, null)}` : "goes on when somebody says so") : v.eta_s ? span(v.eta_s * 1000) : "–")),
		v.waiting_for && !paused ? h("p", { class: "quiet" }, `It waits: ${v.waiting_for}.`) : null,
		Number(v.run.differing_blocks) ? h("p", { class: "said" }, icon("warning"), h("span", {}, `Differing so far: ${blocks(v.run.differing_blocks)}.`)) : null];
}

function result(v, both) {
	const { last } = v;
	if (!last) return isVerifying(v) ? null : h("p", { class: "quiet" }, "Not compared yet.");
	const took = (Number(last.ended) - Number(last.began)) * 1000;
	const what = `, ${bytes(Number(last.size_bytes))} in ${span(Math.max(1000, took)).replace(".0", "")}.`;
	const when = `${v.last_age_s < 60 ? "just now" : `${span(v.last_age_s * 1000)} ago`} (${clock(Number(last.ended) * 1000, null)})`;
	if (last.state === "equal") return h("p", { class: "said" }, icon(both ? "ok" : "info"), h("span", {}, h("strong", {}, "Both legs held the same"), ` ${when}${what}${both ? "" : " Since then a leg has fallen behind."}`));
	return [h("p", { class: "said" }, icon("warning"), h("span", {}, h("strong", {}, `${blocks(last.differing_blocks)} differed`), ` ${when}${what} Nothing was changed.`)),
		table("What differs, in bytes of the array", [["From"], ["To"]], last.ranges.slice(0, RANGES_SHOWN).map((r) => h("tr", { key: r.offset_bytes },
			h("td", { class: "number" }, r.offset_bytes), h("td", { class: "number" }, String(BigInt(r.offset_bytes) + BigInt(r.size_bytes) - 1n)))), true),
		last.ranges.length > RANGES_SHOWN ? h("p", { class: "quiet" }, "And more: ", h("code", {}, "hamonctl status --json"), ".") : null];
}

// One that did not come to its end, after the last that did.
function broken(v) {
	if (!v.run || isVerifying(v)) return null;
	const percent = Number(v.run.size_bytes) ? ` at ${((100 * Number(v.run.position_bytes)) / Number(v.run.size_bytes)).toFixed(0)} %` : "";
	return h("p", { class: "said" }, icon(v.run.state === "failed" ? "warning" : "info"), h("span", {}, `The one that began at ${clock(Number(v.run.began) * 1000, null)} ${v.run.state === "failed" ? "failed" : "was ended"}${percent}: ${v.run.why}.`));
}

function next(v) {
	if (isVerifying(v)) return null;
	return h("p", { class: "quiet" }, v.schedule === "off" ? ["None begins by itself (", h("code", {}, "verify = off"), ")."]
		: v.next_s === null ? `One begins by itself, ${v.schedule}, when both legs are in sync.` : `The next begins by itself in ${span(v.next_s * 1000)} (${v.schedule}).`);
}

export function verifyPart(state, name) {
	const { verify: v, legs } = bestView(state, name).mirror;
	return v && section("verify", isVerifying(v) ? "Comparing both legs" : "Both legs compared", isVerifying(v) ? underWay(v) : null, result(v, legs.every((l) => l.in_sync)), broken(v), next(v));
}
