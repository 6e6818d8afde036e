/**
 * Spans of a declaration. The API's offsets count Unicode code points; JavaScript's strings count
 * UTF-16 code units, so an emoji before a span would shift it. All slicing goes through here.
 */

export interface Mark<T> {
  start: number;
  end: number;
  value: T;
}

export interface Segment<T> {
  text: string;
  start: number;
  /** What covers this segment, in the order given. */
  marks: T[];
}

/** How many code points a text has: the unit of the API's limits and offsets. */
export function countCodePoints(text: string): number {
  return Array.from(text).length;
}

/** Cuts a text at every edge of every mark. Marks may overlap; those outside the text are clipped. */
export function segments<T>(text: string, marks: Mark<T>[]): Segment<T>[] {
  const points = Array.from(text);
  const clipped = marks.map(({ start, end, value }) => ({
    start: Math.max(0, start),
    end: Math.min(points.length, end),
    value,
  }));
  const edges = new Set([0, points.length]);
  for (const mark of clipped) {
    if (mark.start < mark.end) edges.add(mark.start).add(mark.end);
  }
  const cuts = [...edges].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, i) => {
    const end = cuts[i + 1] ?? points.length;
    return {
      text: points.slice(start, end).join(""),
      start,
      marks: clipped.filter((m) => m.start <= start && m.end >= end).map((m) => m.value),
    };
  });
}
