import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Access, ROLES, refusalOf, SCOPES } from './access.js';

const scope = fc.constantFrom(...SCOPES);
const role = fc.constantFrom(...ROLES);

describe('what a key may do', () => {
  it('is what its scopes say, for a client’s, whatever the role that is asked', () => {
    fc.assert(
      fc.property(fc.uniqueArray(scope), scope, role, (scopes, asked, least) => {
        const refusal = refusalOf({ role: null, scopes }, { scope: asked, role: least });
        expect(refusal).toBe(scopes.includes(asked) ? undefined : 'insufficient_scope');
      }),
    );
  });

  it('is nothing that is for operators only, for a client’s with every scope', () => {
    for (const least of ROLES) {
      expect(refusalOf({ role: null, scopes: SCOPES }, { scope: null, role: least })).toBe('operator_only');
    }
  });

  it('is what its role and those below it may, for an operator’s, whatever its scopes', () => {
    const access = fc.record<Access>({ scope: fc.option(scope), role });
    fc.assert(
      fc.property(role, fc.uniqueArray(scope), access, (held, scopes, asked) => {
        const enough = ROLES.indexOf(held) >= ROLES.indexOf(asked.role);
        expect(refusalOf({ role: held, scopes }, asked)).toBe(enough ? undefined : 'insufficient_role');
      }),
    );
  });
});
