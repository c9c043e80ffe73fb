using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Stoa.Market.Events;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tasks.Live;

/// <summary>What nodes of a cell tell each other about tasks that run: one line of text each, many of them in a payload of NOTIFY.</summary>
/// <remarks>A line of another form is a newer node's, and is passed over.</remarks>
public abstract record CellMessage
{
    /// <summary>The longest payload. PostgreSQL takes less than 8,000 bytes.</summary>
    public const int MaxPayloadBytes = 7_900;

    /// <summary>The most bytes of a log in one line: in base64, and with what stands before them, they fill a payload.</summary>
    public const int MaxLogBytes = 5_700;

    private CellMessage()
    {
    }

    /// <summary>The message as a line, without its end.</summary>
    public abstract override string ToString();

    /// <summary>Somebody at the sender follows a log.</summary>
    /// <param name="TaskId">The task.</param>
    /// <param name="Token">The attempt that the sender knows; 0 for none.</param>
    /// <param name="Offset">Up to where it has that attempt's log.</param>
    /// <param name="IsAgain">It is to be sent from there on, whatever was sent before.</param>
    public sealed record WatchLog(Id<AgentTask> TaskId, long Token, long Offset, bool IsAgain) : CellMessage
    {
        public override string ToString() => Invariant($"log {TaskId} {Token} {Offset} {(IsAgain ? 1 : 0)}");
    }

    /// <summary>Somebody at the sender wants to know how far a task is.</summary>
    public sealed record WatchTask(Id<AgentTask> TaskId) : CellMessage
    {
        public override string ToString() => $"task {TaskId}";
    }

    /// <summary>Somebody at the sender wants to know how far all tasks of a consumer are.</summary>
    public sealed record WatchOwner(Id<User> OwnerId) : CellMessage
    {
        public override string ToString() => $"owner {OwnerId}";
    }

    /// <summary>A piece of a log.</summary>
    /// <param name="TaskId">The task.</param>
    /// <param name="Token">Of the attempt's lease.</param>
    /// <param name="Attempt">Which execution it is, from 1.</param>
    /// <param name="Previous">Where the piece that was sent before this one ended.</param>
    /// <param name="Offset">Where the bytes lie. If that is after <paramref name="Previous"/>, what is between them is kept no more.</param>
    /// <param name="Goal">The length of the log so far.</param>
    /// <param name="Bytes">At most <see cref="MaxLogBytes"/>.</param>
    public sealed record LogBytes(
        Id<AgentTask> TaskId, long Token, int Attempt, long Previous, long Offset, long Goal, ReadOnlyMemory<byte> Bytes) : CellMessage
    {
        public override string ToString() => Invariant($"bytes {TaskId} {Token} {Attempt} {Previous} {Offset} {Goal} {Convert.ToBase64String(Bytes.Span)}");
    }

    /// <summary>All of an attempt's log was sent.</summary>
    public sealed record LogEnd(Id<AgentTask> TaskId, long Token) : CellMessage
    {
        public override string ToString() => Invariant($"end {TaskId} {Token}");
    }

    /// <summary>How far a task is.</summary>
    public sealed record Progress(Id<User> OwnerId, Id<AgentTask> TaskId, DateTimeOffset Time, string DataJson) : CellMessage
    {
        public override string ToString() => Invariant($"progress {OwnerId} {TaskId} {Time.ToUnixTimeMilliseconds()} {DataJson}");

        public NewEvent ToEvent() => new(EventTypes.TaskProgress, TaskId.ToString(), OwnerId, Time, DataJson);
    }

    /// <summary>Packs messages into as few payloads as hold them, in order.</summary>
    /// <param name="head">The first line of each payload; null for none.</param>
    /// <param name="messages">None is longer than a payload.</param>
    public static IReadOnlyList<string> Pack(string? head, IEnumerable<CellMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var payloads = new List<string>();
        var payload = new StringBuilder(head);
        var length = payload.Length;
        var isEmpty = true;
        foreach (var message in messages)
        {
            var line = message.ToString();
            var bytes = Encoding.UTF8.GetByteCount(line) + 1;
            if (!isEmpty && length + bytes > MaxPayloadBytes)
            {
                payloads.Add(payload.ToString());
                payload.Clear().Append(head);
                length = payload.Length;
                isEmpty = true;
            }

            if (payload.Length > 0)
                payload.Append('\n');
            payload.Append(line);
            length += bytes;
            isEmpty = false;
        }

        if (!isEmpty)
            payloads.Add(payload.ToString());
        return payloads;
    }

    /// <summary>Reads a line; null when it is none of these.</summary>
    public static CellMessage? Parse(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        // The JSON of a progress may hold blanks.
        var words = line.Split(' ', line.StartsWith("progress ", StringComparison.Ordinal) ? 5 : 9);
        return words switch
        {
            ["log", var task, var token, var offset, "0" or "1"] when Id<AgentTask>.TryParse(task, out var id) && TryRead(token, out var t) && TryRead(offset, out var o) =>
                new WatchLog(id, t, o, words[4] == "1"),
            ["task", var task] when Id<AgentTask>.TryParse(task, out var id) => new WatchTask(id),
            ["owner", var owner] when Id<User>.TryParse(owner, out var id) => new WatchOwner(id),
            ["bytes", var task, var token, var attempt, var previous, var offset, var goal, var base64]
                when Id<AgentTask>.TryParse(task, out var id) && TryRead(token, out var t) && TryRead(attempt, out var a) && a <= int.MaxValue
                    && TryRead(previous, out var p) && TryRead(offset, out var o) && TryRead(goal, out var g) && base64.Length <= MaxPayloadBytes && Base64.IsValid(base64) =>
                new LogBytes(id, t, (int)a, p, o, g, Convert.FromBase64String(base64)),
            ["end", var task, var token] when Id<AgentTask>.TryParse(task, out var id) && TryRead(token, out var t) => new LogEnd(id, t),
            ["progress", var owner, var task, var time, var json]
                when Id<User>.TryParse(owner, out var ownerId) && Id<AgentTask>.TryParse(task, out var id) && TryRead(time, out var ms) && ms < 1L << 47 =>
                new Progress(ownerId, id, DateTimeOffset.FromUnixTimeMilliseconds(ms), json),
            _ => null,
        };
    }

    private static bool TryRead(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
