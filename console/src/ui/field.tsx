import { useId } from 'react';

interface FieldProps {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
  readonly value?: string;
  readonly required?: boolean;
  readonly type?: 'text' | 'number' | 'password' | 'datetime-local';
  readonly min?: number;
  readonly step?: string;
  /** What it has to look like, as `pattern` of HTML. */
  readonly pattern?: string;
  /** Told what it says when it is left. */
  readonly onLeave?: (value: string) => void;
}

/** One line of a form. */
export function Field({ label, name, hint, value, type = 'text', onLeave, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        defaultValue={value}
        autoComplete="off"
        onBlur={onLeave && (({ target }) => onLeave(target.value))}
        {...rest}
      />
      {hint && <span className="hint">{hint}</span>}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly value?: string;
  readonly onChange?: (value: string) => void;
}

/** The options of a choice in which none may be chosen, too; an underscore is shown as a space. */
export const any = (values: readonly string[]): [value: string, words: string][] => [
  ['', 'any'],
  ...values.map((value): [string, string] => [value, value.replace('_', ' ')]),
];

/** One of several. */
export function Choice({ label, name, options, value, onChange }: ChoiceProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        name={name}
        {...(onChange
          ? { value: value ?? '', onChange: ({ target }) => onChange(target.value) }
          : { defaultValue: value ?? '' })}
      >
        {options.map(([each, words]) => (
          <option key={each} value={each}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Yes or no. */
export function Check(props: { readonly label: string; readonly name: string; readonly checked?: boolean }) {
  return (
    <label className="check">
      <input type="checkbox" name={props.name} defaultChecked={props.checked} /> <span>{props.label}</span>
    </label>
  );
}

/** What has to be typed before something is done that cannot be undone. */
export function Typed({ word }: { readonly word: string }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>
        Type <strong className="mono">{word}</strong> to confirm
      </label>
      <input
        id={id}
        name="typed"
        type="text"
        required
        autoComplete="off"
        spellCheck={false}
        pattern={word.replaceAll(
          /[\\^$.*+?()[\]{}|/&~#@!%,:;<=>`"'-]/g,
          (each) => `\\u{${each.codePointAt(0)!.toString(16)}}`,
        )}
        title={word}
      />
    </div>
  );
}
