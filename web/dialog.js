/* dialog.js - the browser's own modal dialog: focus stays inside, Esc closes, focus goes back. */

import { useEffect, useRef } from 'preact/hooks';
import { html } from './parts.js';

export function Dialog({ title, close, children }) {
    const ref = useRef(null);
    useEffect(() => {
        const d = ref.current;
        d.showModal();
        return () => d.open && d.close();
    }, []);
    return html`<dialog ref=${ref} aria-labelledby="dialog-title" onClose=${close}>
        <header><h2 id="dialog-title">${title}</h2>
            <button type="button" class="quiet" aria-label="Close"
                onClick=${() => ref.current.close()}>✕</button></header>
        ${children}</dialog>`;
}
