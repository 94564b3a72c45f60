"""What is wrong after a test: errors of the script, answers that nobody asked for."""

from collections.abc import Iterator

from langchain_cf_gemini.emulator._cloudflare.service import Service


def complaint(service: Service) -> str:
    """Everything that is wrong, or "" if nothing is."""
    errors = [f"{type(error).__name__}: {error}" for error in service.errors]
    return "\n".join([*errors, *leftovers(service)])


def leftovers(service: Service) -> Iterator[str]:
    """What was scripted and never asked for, and the requests that came instead."""
    left = service.script.left()
    if not left:
        return
    count = len(left)
    yield f"{count} scripted answer{'s were' if count > 1 else ' was'} never asked for:"
    asked = service.journal.asked()[-1:]
    for entry in left:
        missed = [entry.misses(exchange) for exchange in asked if entry.match]
        why = (
            f"; not the {' and '.join(missed[0])} of request {asked[0].number}"
            if any(missed)
            else ""
        )
        yield f"  {entry}{why}"
