import { Component, type ReactNode } from 'react';
import { Empty } from '../ui/states.js';

interface BoundaryProps {
  readonly children: ReactNode;
}

/** A fault of one screen is shown in its place, and the others stay within reach. Each screen has one of its own. */
export class Boundary extends Component<BoundaryProps, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Empty title="This screen has failed, which is a fault of the console.">
        <span>The other screens and the command line still work. Loading the page anew tries it again.</span>
      </Empty>
    );
  }
}
