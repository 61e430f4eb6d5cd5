// Draws the curve of a session from the numbers in #curve-data; the timeline beside it has them too.
(() => {
  let drawn = [];

  // A colour of the theme, as the canvas takes it: our tokens are light-dark() and oklch().
  const tint = (box, name) => {
    const probe = box.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const faint = (colour, percent) => `color-mix(in oklab, ${colour} ${percent}%, transparent)`;

  function draw(box, data) {
    const unit = box.dataset.chart === "kw" ? "kW" : "kWh";
    const isPower = unit === "kW";
    const [line, ink, muted, rule, wait] = ["--chart-line", "--ink", "--muted", "--line", "--wait"].map((name) => tint(box, name));
    const font = `12px ${getComputedStyle(box).fontFamily}`;
    const axis = { stroke: muted, font, ticks: { show: false }, grid: { stroke: rule, width: 1 } };
    const gaps = (plot) => {
      const { ctx, bbox } = plot;
      ctx.save();
      for (const [from, to] of data.gaps) {
        const [a, b] = [from, to].map((at) => plot.valToPos(at, "x", true));
        ctx.fillStyle = faint(wait, 12);
        ctx.fillRect(a, bbox.top, b - a, bbox.height);
        if (isPower && b - a > 90 * devicePixelRatio) {
          ctx.fillStyle = wait;
          ctx.font = `${12 * devicePixelRatio}px ${getComputedStyle(box).fontFamily}`;
          ctx.textAlign = "center";
          ctx.fillText("no readings", (a + b) / 2, bbox.top + bbox.height - 8 * devicePixelRatio);
        }
      }
      ctx.restore();
    };
    const size = () => ({ width: box.clientWidth, height: box.clientHeight });
    const top = Math.max(0.1, ...data[box.dataset.chart].filter((value) => value !== null));
    const plot = new uPlot({
      ...size(),
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), data.zone),
      legend: { show: false },
      padding: [16, 10, isPower ? 0 : 8, 0],
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: { y: { range: [0, top * 1.1] } },
      axes: [
        { ...axis, show: isPower, size: 26, grid: { show: false }, space: 64, values: (_, times) => times.map((at) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: data.zone }).format(at * 1000)) },
        { ...axis, size: 44, space: isPower ? 60 : 40 },
      ],
      series: [
        {},
        { stroke: line, width: 2, fill: isPower ? faint(line, 16) : undefined, points: { show: data.t.length < 3 }, paths: isPower ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(), spanGaps: false },
      ],
      hooks: {
        drawClear: [gaps],
        draw: [(plot) => {
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.fillStyle = muted;
          ctx.font = `${12 * devicePixelRatio}px ${getComputedStyle(box).fontFamily}`;
          ctx.textAlign = "left";
          ctx.fillText(unit, bbox.left - 30 * devicePixelRatio, bbox.top - 5 * devicePixelRatio);
          ctx.restore();
        }],
        setCursor: [(plot) => {
          const place = plot.cursor.idx;
          const value = place === null || place === undefined ? null : data[box.dataset.chart][place];
          said.textContent = value === null ? "" : `${uPlot.fmtDate("{HH}:{mm}")(uPlot.tzDate(new Date(data.t[place] * 1000), data.zone))}  ${value.toFixed(isPower ? 1 : 2)} ${unit}`;
        }],
      },
    }, [data.t, data[box.dataset.chart]], box);
    const said = box.appendChild(document.createElement("output"));
    said.style.color = ink;
    const watch = new ResizeObserver(() => plot.setSize(size()));
    watch.observe(box);
    drawn.push({ box, stop: () => { watch.disconnect(); plot.destroy(); } });
  }

  function drawAll() {
    for (const { box, stop } of drawn) if (!box.isConnected) stop();
    drawn = drawn.filter(({ box }) => box.isConnected);
    const numbers = document.getElementById("curve-data");
    if (!numbers) return;
    const data = JSON.parse(numbers.textContent);
    for (const box of document.querySelectorAll("[data-chart]:empty")) draw(box, data);
  }

  drawAll();
  document.addEventListener("htmx:afterSettle", drawAll);
})();
