namespace Stoa.Market.Inference.OpenAi;

/// <summary>Finds the events of a stream of server-sent events in its bytes.</summary>
/// <remarks>WHATWG HTML, section 9.2. An event ends with an empty line; a line ends with a line feed, a carriage return and a line feed, or a carriage return alone, which no backend sends and which is not taken for one here.</remarks>
public static class EventLines
{
    /// <summary>Takes the first event.</summary>
    /// <param name="bytes">What has come and was not taken.</param>
    /// <param name="from">Where a line begins before which there is no end of an event; 0 to begin. Left where the search is to go on when more has come.</param>
    /// <param name="length">Of the event, the empty line included.</param>
    /// <returns>False when it is not there as a whole.</returns>
    public static bool TryTake(ReadOnlySpan<byte> bytes, ref int from, out int length)
    {
        while (true)
        {
            var feed = bytes[from..].IndexOf((byte)'\n');
            length = from + feed + 1;
            if (feed < 0)
                return false;
            // An empty line.
            if (feed == 0 || (feed == 1 && bytes[from] == (byte)'\r'))
            {
                from = 0;
                return true;
            }

            from = length;
        }
    }

    /// <summary>The data of an event that has one line of it, as those of OpenAI's API have.</summary>
    /// <param name="event">A whole event.</param>
    /// <param name="data">Where in it; empty when it has none.</param>
    /// <returns>False when it has several lines of data.</returns>
    public static bool TryFindData(ReadOnlySpan<byte> @event, out Range data)
    {
        data = default;
        var found = 0;
        for (var from = 0; from < @event.Length;)
        {
            var feed = @event[from..].IndexOf((byte)'\n');
            var end = feed < 0 ? @event.Length : from + feed;
            var line = @event[from..end];
            if (line.EndsWith("\r"u8))
                line = line[..^1];
            if (line.StartsWith("data:"u8))
            {
                var start = line.StartsWith("data: "u8) ? 6 : 5;
                data = (from + start)..(from + line.Length);
                found++;
            }

            from = end + 1;
        }

        return found <= 1;
    }
}
