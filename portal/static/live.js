// One stream a page: it says names, and htmx reads again what each name is about.
(() => {
  const LATE_MS = 3000; // so long a page may be without its stream before it says so
  const HIDDEN_MS = 10000; // a tab that nobody sees gives its connection back
  const REREAD_MS = 2000; // at most so often the whole page is read again
  const AGAIN_MS = 100;
  const TOAST_MS = 10000;
  let late, hidden, due, stream, readAt = 0;

  const say = (words) => {
    const place = document.getElementById("stale");
    if (place.textContent !== words) place.textContent = words;
  };

  // What the SSE extension takes for an EventSource, but one that can be opened again.
  class Stream extends EventTarget {
    #source;
    #names = new Set(["reload"]);
    #waiting = new Set();
    constructor(url) {
      super();
      this.url = url;
      super.addEventListener("reload", reread);
      this.open();
    }
    get readyState() { return this.#source.readyState; }
    open() {
      const isFirst = !this.#source;
      this.close();
      const source = this.#source = new EventSource(this.url);
      for (const name of this.#names) this.#pass(name);
      let isFresh = isFirst;
      source.onopen = () => {
        clearTimeout(late);
        late = undefined;
        say("");
        // What changed since the page was drawn; not each line of each list for it.
        if (isFresh) rereadParts((part) => !part.matches("li, tr"));
        else reread();
        isFresh = false;
      };
      source.onerror = () => {
        this.#lose();
        // Refused, not only interrupted: perhaps we are signed out, which the page will hear.
        if (source.readyState === EventSource.CLOSED) setTimeout(() => { wake(); reread(); }, 2000 + 3000 * Math.random());
      };
      this.#lose();
    }
    close() { this.#source?.close(); }
    addEventListener(name, ...rest) {
      super.addEventListener(name, ...rest);
      if (!this.#names.has(name)) { this.#names.add(name); this.#pass(name); }
    }
    #pass(name) { this.#source.addEventListener(name, () => this.#tell(name)); }
    // A part that is being read is replaced, and what replaces it listens a moment later: neither
    // would hear what is told meanwhile.
    #tell(name) {
      if (this.#waiting.has(name)) return;
      if (document.querySelector(`:is(.htmx-request, .htmx-added, .htmx-settling)[hx-trigger*="sse:${name}"]`)) {
        this.#waiting.add(name);
        setTimeout(() => { this.#waiting.delete(name); this.#tell(name); }, AGAIN_MS);
      } else this.dispatchEvent(new Event(name));
    }
    #lose() { late ??= setTimeout(say, LATE_MS, "Reconnecting… what you see may be old."); }
  }

  const wake = () => { if (!document.hidden && stream.readyState === EventSource.CLOSED) stream.open(); };

  // Anything may have changed. What somebody is typing stays, and only the live parts are read.
  function reread() {
    clearTimeout(due);
    const wait = readAt + REREAD_MS - Date.now();
    if (wait > 0) { due = setTimeout(reread, wait); return; }
    readAt = Date.now();
    const main = document.getElementById("main");
    const isBusy = inUse(main);
    rereadParts((part) => isBusy || !main.contains(part));
    if (!isBusy) htmx.ajax("GET", location.pathname + location.search, {
      source: document.body, target: "#main", select: "#main", swap: "outerHTML", headers: { "HX-Boosted": "true" },
    });
  }
  function rereadParts(isWanted) {
    for (const part of document.querySelectorAll("[hx-trigger*='sse:']")) {
      if (isWanted(part)) htmx.trigger(part, part.getAttribute("hx-trigger").match(/sse:[^\s,]+/)[0]);
    }
  }
  const inUse = (main) => main.querySelector("dialog[open], :popover-open")
    || main.contains(document.activeElement?.closest("input, select, textarea"))
    || [...main.querySelectorAll("input, textarea")].some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);

  htmx.createEventSource = (url) => (stream = new Stream(url));

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { xhr, target } = detail;
    if (["/sign-in", "/first-run"].includes(new URL(xhr.responseURL).pathname)) {
      detail.shouldSwap = false; // signed out: the page as a whole has to go there
      location.reload();
    } else if (target.id === "main" && xhr.status >= 500) {
      detail.shouldSwap = false; // what is shown was true; better old than gone
      say("This page could not be brought up to date. It tries again by itself.");
      due = setTimeout(reread, 5000);
    } else if (target.id === "main") say("");
  });

  // What somebody has opened to read stands still.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt } = event.detail;
    if (elt.matches("[data-calm]") && elt.querySelector("details[open]")) event.preventDefault();
  });

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (!stream) return;
    if (document.hidden) hidden = setTimeout(() => stream.close(), HIDDEN_MS);
    else wake();
  });

  // The words of format.ago_words; and confirmations leave when they were read.
  const sizes = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const passed = Math.floor((Date.now() - Date.parse(time.dateTime)) / 1000);
      const [size, unit] = sizes.find(([size]) => passed >= size) ?? [];
      const words = passed < 5 ? "just now" : `${Math.floor(passed / size)} ${unit} ago`;
      if (time.textContent !== words) time.textContent = words;
    }
    for (const toast of document.querySelectorAll("#told > .toast:not([data-tone='fault'])")) {
      toast.dataset.since ??= Date.now();
      if (Date.now() - toast.dataset.since > TOAST_MS && !toast.matches(":hover")) toast.remove();
    }
  }, 1000);
})();
