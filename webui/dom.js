// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements from data, and the least change that makes the shown tree equal to a new one: focus, selection, open details and typed text stay.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (value === undefined || value === null || value === false) continue;
		if (name.startsWith("on") || name === "value") element[name] = value;
		else element.setAttribute(name, value === true ? "" : value);
	}
	for (const child of children.flat(Infinity))
		if (child !== undefined && child !== null && child !== false) element.append(child);
	return element;
}

// h("p", {class: "x", onclick: f}, "text", h("b", {}, "more")); `key` keeps an element's identity among its siblings.
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const HANDLERS = ["onclick", "onchange", "oninput", "onsubmit", "ontoggle", "onkeydown"];
const KEPT = new Set(["open", "data-done"]); // what a person did to details and copy buttons is theirs

function keyOf(node) {
	return node.nodeType === 1 ? node.getAttribute("key") : null;
}

function isSame(a, b) {
	return a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
}

function patch(old, next) {
	if (old.nodeType !== 1) {
		if (old.data !== next.data) old.data = next.data;
		return;
	}
	for (const { name, value } of next.attributes)
		if (old.getAttribute(name) !== value) old.setAttribute(name, value);
	for (const { name } of [...old.attributes])
		if (!next.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
	for (const name of HANDLERS) if (old[name] !== next[name]) old[name] = next[name];
	if (!old.hasAttribute("data-own")) replaceChildren(old, [...next.childNodes]);
}

// Makes the children of `parent` equal to `children`. An element with data-own looks after its children itself.
export function replaceChildren(parent, children) {
	let at = parent.firstChild;
	for (const next of children) {
		let found = at;
		if (found && !isSame(found, next)) {
			const key = keyOf(next);
			while (found && !(key ? isSame(found, next) : false)) found = found.nextSibling;
		}
		if (!found) {
			parent.insertBefore(next, at);
			continue;
		}
		if (found !== at) parent.insertBefore(found, at);
		else at = at.nextSibling;
		patch(found, next);
	}
	while (at) {
		const gone = at;
		at = at.nextSibling;
		gone.remove();
	}
}

// A sentence in which no name is broken at its hyphen, and those of `strong` stand out.
export function named(text, names, strong = []) {
	const known = [...names, ...strong].map((n) => n.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
	if (!known.length) return text;
	return text.split(new RegExp(`(?<![\\w/-]|\\bthe )(${known.join("|")})(?![\\w/-])`)).map((part, i) => (i % 2 ? h(strong.includes(part) ? "b" : "span", { class: "name" }, part) : part));
}

const ICONS = {
	ok: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M5 8.2 7.2 10.4 11.2 5.8"],
	info: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M8 7.2V11.5M8 4.6v.4"],
	warning: ["M8 1.8 15 14.2H1z", "M8 6.2v3.6M8 11.8v.4"],
	critical: ["M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z", "M8 4.6v4.2M8 11v.4"],
};
export const WORDS = { ok: "ok", info: "note", warning: "warning", critical: "critical" };

// Shape and word, never colour alone.
export function icon(severity) {
	const [shape, mark] = ICONS[severity] ?? ICONS.info;
	return svg("svg", { class: `icon ${severity}`, viewBox: "0 0 16 16", role: "img", "aria-label": WORDS[severity] ?? severity },
		svg("path", { class: "shape", d: shape }), svg("path", { class: "mark", d: mark }));
}

export function table(caption, heads, rows, label) {
	return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
		h("table", {}, h("caption", { class: label ? undefined : "unseen" }, caption),
			h("thead", {}, h("tr", {}, heads.map((head) => (typeof head === "string" ? h("th", { scope: "col" }, head)
				: h("th", { scope: "col", class: "number" }, head[0]))))),
			h("tbody", {}, rows)));
}

// One column for each machine, one row for each {what, said: {machine: text or null}, compared: [machines]}; a value that is not that of most is marked.
export function sideBySide(caption, machines, lines, old = []) {
	return h("div", { class: "sides", key: caption }, table(caption, ["About", ...machines], lines.map((l) => {
		const values = l.compared.map((m) => l.said[m]);
		const most = values.toSorted((a, b) => values.filter((v) => v === b).length - values.filter((v) => v === a).length)[0];
		const isOne = new Set(values).size < 2;
		return h("tr", { key: l.what }, h("th", { scope: "row" }, l.what), machines.map((m) => {
			const differs = !isOne && l.compared.includes(m) && (l.said[m] !== most || values.filter((v) => v === most).length < 2);
			return h("td", { class: old.includes(m) ? "old" : differs ? "differs" : undefined }, differs ? h("span", { role: "img", "aria-label": "differs:" }, "\u2260 ") : null, l.said[m] ?? "–");
		}));
	}), true));
}

export function copyButton(text) {
	return h("button", {
		type: "button", class: "copy", "aria-label": `Copy: ${text}`,
		onclick: async (event) => {
			const button = event.currentTarget;
			await copy(text);
			button.dataset.done = "1";
			announce("Copied");
			setTimeout(() => delete button.dataset.done, 1500);
		},
	}, h("span", { class: "a" }, "Copy"), h("span", { class: "b" }, "Copied"));
}

async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch { // without the permission: as browsers did it before
		const area = h("textarea", { class: "unseen", value: text });
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	}
}

// Changes, not ticks: said once, politely.
let said = "";
export function announce(text) {
	const region = document.getElementById("announce");
	region.textContent = said === text ? text + "\u00a0" : text;
	said = region.textContent;
}

const two = (n) => String(n).padStart(2, "0");

export function clock(ms, withMs = false) {
	const d = new Date(ms);
	const day = new Date().toDateString() === d.toDateString() ? "" : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} `;
	return `${day}${two(d.getHours())}:${two(d.getMinutes())}${withMs === null ? "" : `:${two(d.getSeconds())}`}${withMs ? `.${String(d.getMilliseconds()).padStart(3, "0")}` : ""}`;
}

export function span(ms) {
	if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
	if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
	if (ms < 120000) return `${Math.round(ms / 1000)} s`;
	if (ms < 7200000) return `${Math.round(ms / 60000)} min`;
	if (ms < 172800000) return `${(ms / 3600000).toFixed(1)} h`;
	return `${Math.round(ms / 86400000)} days`;
}

// Ages tick at most once a second: whole seconds, so that the eye is left alone.
export const age = (ms) => (ms < 1500 ? "now" : `${span(Math.floor(ms / 1000) * 1000).replace(".0", "")} ago`);

export function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let unit = 0;
	while (n >= 1024 && unit < units.length - 1) [n, unit] = [n / 1024, unit + 1];
	return `${unit === 0 ? n : n.toFixed(n < 10 ? 2 : n < 100 ? 1 : 0)} ${units[unit]}`;
}

// A command breaks between its words alone: a hyphen at the end of a line would be typed, or not.
export const command = (text) => h("code", { tabindex: "0" }, text.split(/(?<= )/).map((word) => h("span", {}, word)));
