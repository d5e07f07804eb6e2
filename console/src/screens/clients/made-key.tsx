import { useEffect, useRef, useState } from 'react';

interface MadeKeyProps {
  readonly text: string;
  readonly close: () => void;
}

/** A new key: it can be copied, and is not shown again. */
export function MadeKey({ text, close }: MadeKeyProps) {
  const ref = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  useEffect(() => ref.current?.select(), []);
  const copy = async () => {
    ref.current?.select();
    // Over http, but on this machine, browsers give pages no clipboard: then what is selected is copied by hand.
    await navigator.clipboard?.writeText(text);
    setCopied(navigator.clipboard !== undefined);
  };
  return (
    <div className="touches made-key">
      <label htmlFor="made-key">
        The new key. Copy it now and keep it where secrets are kept: it is not shown again.
      </label>
      <input ref={ref} id="made-key" className="mono" type="text" readOnly value={text} />
      <div className="actions">
        <button type="button" className="button is-small is-primary" onClick={() => void copy()}>
          Copy
        </button>
        <button type="button" className="button is-small" onClick={close}>
          I have it
        </button>
        <span role="status">{isCopied ? 'Copied.' : ''}</span>
      </div>
    </div>
  );
}
