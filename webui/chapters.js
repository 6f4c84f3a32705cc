// SPDX-License-Identifier: LGPL-2.1-or-later
// The chapters of TROUBLESHOOTING.md, which hamon serves itself: at three in the morning the handbook must not depend on another machine.

import { getText } from "./api.js";
import { copyButton, h, replaceChildren } from "./dom.js";

let chapters = null;

async function load() {
	const text = await getText("/ui/TROUBLESHOOTING.md");
	const found = new Map();
	for (const part of text.split(/^### /m).slice(1)) {
		const end = part.indexOf("\n");
		found.set(part.slice(0, end).replace(/`/g, "").trim(), part.slice(end + 1).split(/^## /m)[0].trim());
	}
	return found;
}

// `code`, **bold** and [links](#code), nothing else: the chapters use no more.
function inline(text) {
	return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/).map((part) => (part.startsWith("`") ? h("code", {}, part.slice(1, -1))
		: part.startsWith("**") ? h("strong", {}, part.slice(2, -2)) : part.startsWith("[") ? part.slice(1, part.indexOf("]")) : part));
}

export function render(text) {
	return text.split(/\n\n+/).map((block) => {
		if (/^(?: {4}|\t)/.test(block)) {
			const command = block.replace(/^(?: {4}|\t)/gm, "");
			return h("div", { class: "command" }, h("code", {}, command), copyButton(command));
		}
		if (/^(?:- |\d+\. )/.test(block)) return h("ul", {}, block.split(/\n(?=- |\d+\. )/).map((item) => h("li", {}, inline(item.replace(/^(?:- |\d+\. )/, "").replace(/\n\s*/g, " ")))));
		return h("p", {}, inline(block.replace(/\n/g, " ")));
	});
}

export const chapterId = (code) => `chapter-${code}`;

// A link to a chapter opens it.
export function openChapter(event) {
	const details = document.getElementById(event.currentTarget.getAttribute("href").slice(1));
	if (details) details.open = true;
}

// The first about a code is what links mean.
export function chapter(code, isFirst) {
	return h("details", { class: "chapter", id: isFirst ? chapterId(code) : undefined, key: chapterId(code), ontoggle: async (event) => {
		const body = event.target.querySelector(".body");
		if (!event.target.open || body.childNodes.length) return;
		try {
			chapters ??= await load();
			replaceChildren(body, render(chapters.get(code) ?? "There is no chapter about this."));
		} catch (e) {
			replaceChildren(body, [h("p", {}, `The chapter could not be loaded: ${e.message}`)]);
		}
	} }, h("summary", {}, "Chapter ", h("code", {}, code)), h("div", { class: "body", "data-own": "1" }));
}
