using System.Globalization;
using Stoa.Market;
using Stoa.Node.Http;

namespace Stoa.Node.Events;

/// <summary>The id of the last event that a reader has.</summary>
public static class EventPosition
{
    /// <summary>Reads a position; null when there is none.</summary>
    /// <exception cref="RequestRefusedException">It is not the id of a stored event.</exception>
    public static long? Parse(string? text, string pointer = "")
    {
        if (string.IsNullOrEmpty(text))
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            ? position
            : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors:
                [new FieldError(pointer, "A position is the id of an event of the stream, a whole number; 0 is before the first. Live events have none.")]);
    }
}
