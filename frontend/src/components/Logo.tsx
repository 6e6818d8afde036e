/** A pod above, threads below: one declaration, the guests that grow from it. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d="M4 14.5C4 8 9.2 3.5 16 3.5S28 8 28 14.5Z" fill="currentColor" />
      <path d="M16 14.5V20M16 20C16 23.5 7 21.5 7 26M16 20V26M16 20C16 23.5 25 21.5 25 26" />
      <g fill="currentColor" stroke="none">
        <circle cx="7" cy="27.2" r="2.4" />
        <circle cx="16" cy="27.2" r="2.4" />
        <circle cx="25" cy="27.2" r="2.4" />
      </g>
    </svg>
  );
}
