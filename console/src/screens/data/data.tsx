import { PageHead } from '../../ui/card.js';
import { Month } from './month.js';
import { Person } from './person.js';

/** What is kept, and for whom it is handed out or removed: administrators alone. */
export function Data() {
  return (
    <>
      <PageHead
        title="Data"
        about="What is kept of a person, and months that are over: handed out, or removed for good. Each act is in the audit."
      />
      <div className="stack">
        <Person />
        <Month />
      </div>
    </>
  );
}
