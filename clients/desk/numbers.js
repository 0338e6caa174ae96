// The charts on the page of numbers. Without them the table beneath says the same.
"use strict";

(() => {
  const charts = document.getElementById("charts");
  if (!charts || !window.Chart) return;

  // A variable may hold light-dark(…), which only an element's own colour resolves.
  const probe = document.body.appendChild(document.createElement("span"));
  probe.hidden = true;
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = [];

  function palette() {
    return ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"].map(read);
  }

  function shorten(day) {
    return new Date(`${day}T00:00:00Z`).toLocaleDateString(document.documentElement.lang || "en", {
      day: "numeric", month: "short", timeZone: "UTC",
    });
  }

  function bars(label, data, color) {
    return { label, data, backgroundColor: color, borderRadius: 3, maxBarThickness: 28 };
  }

  function line(label, data, color) {
    return {
      label, data, borderColor: color, backgroundColor: color, borderWidth: 2, pointRadius: 2.5,
      tension: 0.25, spanGaps: true,
    };
  }

  function draw(id, type, days, datasets, options = {}) {
    const soft = read("--soft"), rule = read("--line");
    const axis = { ticks: { color: soft, maxRotation: 0, autoSkipPadding: 16 }, border: { color: rule } };
    drawn.push(new window.Chart(document.getElementById(id), {
      type,
      data: { labels: days, datasets },
      options: {
        maintainAspectRatio: false,
        animation: false,
        interaction: { mode: "index", intersect: false },
        plugins: {
          legend: {
            position: "bottom",
            labels: { color: read("--ink"), boxWidth: 12, boxHeight: 12, padding: 14 },
          },
        },
        scales: {
          x: { ...axis, stacked: type === "bar", grid: { display: false } },
          y: {
            ...axis, stacked: type === "bar", beginAtZero: true, grid: { color: rule },
            ticks: { color: soft, precision: type === "bar" ? 0 : undefined, ...options.ticks },
          },
        },
      },
    }));
  }

  function drawAll(numbers) {
    drawn.splice(0).forEach((chart) => chart.destroy());
    window.Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    const colors = palette(), days = numbers.days.map(shorten);
    const others = numbers.conversations.map((all, place) => all - numbers.resolved[place]);
    draw("chart-conversations", "bar", days, [
      bars("Resolved without a person", numbers.resolved, colors[0]),
      bars("Others", others, colors[5]),
    ]);
    draw("chart-handed-off", "bar", days, Object.entries(numbers.handed_off).map(
      ([reason, counts], place) => bars(reason, counts, colors[place % colors.length]),
    ));
    draw("chart-thumbs", "bar", days, [
      bars("Thumbs up", numbers.helped, colors[0]),
      bars("Thumbs down", numbers.unhelpful, colors[2]),
      bars("Not answered", numbers.abstained, colors[5]),
    ]);
    draw("chart-first", "line", days, [
      line("Half within", numbers.first_p50, colors[0]),
      line("95 in 100 within", numbers.first_p95, colors[1]),
    ], { ticks: { callback: (value) => `${value} s` } });
  }

  fetch(charts.dataset.source, { credentials: "same-origin" })
    .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
    .then((numbers) => {
      charts.hidden = false;
      drawAll(numbers);
      dark.addEventListener("change", () => drawAll(numbers));
    })
    .catch(() => { charts.hidden = true; });
})();
