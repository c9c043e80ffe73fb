using System.Globalization;
using Stoa.Market;
using Stoa.Node.Http;

namespace Stoa.Node.Tasks.Live;

/// <summary>A place in the logs of a task: <c>lease-offset</c>, such as <c>1-4096</c>.</summary>
/// <param name="Token">Of the lease of the attempt; 0 is before the first.</param>
/// <param name="Offset">Bytes of its log that lie before the place.</param>
public readonly record struct LogPosition(long Token, long Offset)
{
    /// <summary>Reads a position; before the first byte when there is none.</summary>
    /// <exception cref="RequestRefusedException">It is something else.</exception>
    public static LogPosition Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return default;
        return text.Split('-') is [var token, var offset]
            && long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var t)
            && long.TryParse(offset, NumberStyles.None, CultureInfo.InvariantCulture, out var o)
            ? new LogPosition(t, o)
            : throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors:
                [new FieldError("", "A position in a log is the id of an event of its stream, such as 1-4096. Leave it out to begin with the oldest that is kept.")]);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Token}-{Offset}");
}
