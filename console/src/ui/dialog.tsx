import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useEffect, useId, useRef } from 'react';
import { wordsOf } from './states.js';
import { useTell } from './toast.js';

interface ActProps {
  readonly title: string;
  /** What it will touch, and whether it can be undone: said before. */
  readonly touches: ReactNode;
  /** What the button says: the act itself. */
  readonly verb: string;
  readonly danger?: boolean;
  /** Whether the api wants to know why. */
  readonly asksWhy?: boolean;
  /** Further fields, by their names in the form. */
  readonly children?: ReactNode;
  readonly act: (form: FormData) => Promise<unknown>;
  /** What is said when it is done. */
  readonly done: string;
  readonly close: () => void;
  readonly disabled?: boolean;
}

/** Asks before something is done: what it touches, why, and whether it is really meant. The only way to do anything. */
export function ActDialog(props: ActProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const title = useId();
  const queries = useQueryClient();
  const tell = useTell();
  const mutation = useMutation({
    mutationFn: props.act,
    onSuccess: () => {
      tell(props.done);
      props.close();
    },
    // Also after a failure: it may have been done, or have become something else.
    onSettled: () => queries.invalidateQueries(),
  });
  useEffect(() => ref.current?.showModal(), []);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    mutation.mutate(new FormData(event.currentTarget));
  };
  return (
    <dialog ref={ref} aria-labelledby={title} onClose={props.close}>
      <form className="dialog" onSubmit={submit}>
        <h2 id={title}>{props.title}</h2>
        <div className="touches">{props.touches}</div>
        {props.children}
        {props.asksWhy && <Why />}
        {mutation.error && (
          <p className="bad" role="alert">
            {wordsOf(mutation.error)}
          </p>
        )}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={props.close}>
            Go back
          </button>
          <button
            type="submit"
            className={`button ${props.danger ? 'is-danger' : 'is-primary'}`}
            disabled={mutation.isPending || props.disabled}
          >
            {props.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** The reason, which others read beside the act. */
function Why() {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Why</label>
      <input id={id} name="reason" type="text" required maxLength={200} autoComplete="off" />
      <span className="hint">Others see it beside the act, and in the audit.</span>
    </div>
  );
}

/** A field's text; undefined when it is empty. */
export const textOf = (form: FormData, name: string): string | undefined =>
  String(form.get(name) ?? '').trim() || undefined;
