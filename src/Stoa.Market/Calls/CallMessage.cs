using System.Buffers;
using System.Text.Json;

namespace Stoa.Market.Calls;

/// <summary>A message of an agent: a JSON object whose member <c>op</c> says what is asked.</summary>
/// <remarks>
/// Read in two passes over the bytes, so that members may come in any order and a message that is taken allocates nothing. Unknown
/// members are refused, as everywhere in Stoa: a misspelt one must not silently do nothing.
/// </remarks>
internal static class CallMessage
{
    /// <summary>The greatest number that a member may hold: 2⁵³ - 1, which every language's JSON holds exactly.</summary>
    public const long MaxNumber = 9_007_199_254_740_991;

    private const string Progress = "progress";
    private const string Call = "call";
    private const string Ask = "ask";

    /// <summary>Does what a message asks.</summary>
    /// <returns>A refusal; or the call that was begun; or neither, when it was done and there is nothing to say.</returns>
    public static (Refusal<CallRefusal>? Refused, IOpenCall? Call) Act(ReadOnlySpan<byte> message, ProgressBoard board, ICallDesk desk)
    {
        try
        {
            return FindOperation(message) switch
            {
                Progress => (TellProgress(message, board), null),
                Call => BeginCall(message, desk),
                Ask => BeginRequest(message, desk),
                _ => (new Refusal<CallRefusal>(CallRefusal.OperationUnknown, $"The member op names what to do; this node knows {Progress}, {Call} and {Ask}."), null),
            };
        }
        catch (Exception invalid) when (invalid is JsonException or InvalidOperationException)
        {
            // The parser's own words may differ from version to version, and what an agent can read must not.
            return (new Refusal<CallRefusal>(CallRefusal.MessageInvalid, "The message is not one JSON object in UTF-8."), null);
        }
    }

    /// <summary>The operation, or null; the whole message has been found to be JSON by then.</summary>
    private static string? FindOperation(ReadOnlySpan<byte> message)
    {
        string? operation = null;
        var json = Open(message);
        while (NextMember(ref json))
        {
            var isOperation = json.ValueTextEquals("op"u8);
            json.Read();
            if (isOperation)
                operation = json.TokenType is not JsonTokenType.String ? null
                    : json.ValueTextEquals("progress"u8) ? Progress
                    : json.ValueTextEquals("call"u8) ? Call : json.ValueTextEquals("ask"u8) ? Ask : null;
            json.Skip();
        }

        json.Read();
        return operation;
    }

    private static (Refusal<CallRefusal>? Refused, IOpenCall? Call) BeginCall(ReadOnlySpan<byte> message, ICallDesk desk)
    {
        if (!CallOrder.Read(message).TryGet(out var order, out var refused) || !desk.Open(order.Agent, order.Parameters).TryGet(out var call, out refused))
            return (refused, null);
        if (call.TryWrite(order.Input))
            return (null, call);
        call.Close();
        return (new Refusal<CallRefusal>(CallRefusal.NoRoom, "There is no memory for the input: read other answers to their ends first, or allow a longer maxInputBytes."), null);
    }

    private static (Refusal<CallRefusal>? Refused, IOpenCall? Call) BeginRequest(ReadOnlySpan<byte> message, ICallDesk desk)
    {
        if (!AskOrder.Read(message).TryGet(out var order, out var refused) || !desk.Ask(order.Path).TryGet(out var request, out refused))
            return (refused, null);
        if (request.TryWrite(order.Body))
            return (null, request);
        request.Close();
        return (new Refusal<CallRefusal>(CallRefusal.NoRoom, "There is no memory for the body: read other answers to their ends first, or allow a longer maxRequestBytes."), null);
    }

    private static Refusal<CallRefusal>? TellProgress(ReadOnlySpan<byte> message, ProgressBoard board)
    {
        long? done = null;
        long? total = null;
        char[]? text = null;
        var textLength = 0;
        var isOperationRead = false;
        try
        {
            var json = Open(message);
            while (NextMember(ref json))
            {
                if (json.ValueTextEquals("done"u8) && done is null)
                {
                    if ((done = ReadNumber(ref json)) is null)
                        return Misfit("done");
                }
                else if (json.ValueTextEquals("total"u8) && total is null)
                {
                    if ((total = ReadNumber(ref json)) is null)
                        return Misfit("total");
                }
                else if (json.ValueTextEquals("message"u8) && text is null)
                {
                    json.Read();
                    if (json.TokenType is not JsonTokenType.String)
                        return Misfit("message");
                    text = ArrayPool<char>.Shared.Rent(Math.Max(json.ValueSpan.Length, 1));
                    textLength = json.CopyString(text);
                }
                else if (json.ValueTextEquals("op"u8) && !isOperationRead)
                {
                    isOperationRead = true;
                    json.Read();
                }
                else
                {
                    return Misfit("there is one that it does not have, or has once");
                }
            }

            if (done is null)
                return Misfit("done");
            board.Tell(done.Value, total, text.AsSpan(0, textLength));
            return null;
        }
        finally
        {
            if (text is not null)
                ArrayPool<char>.Shared.Return(text);
        }
    }

    private static Utf8JsonReader Open(ReadOnlySpan<byte> message)
    {
        var json = new Utf8JsonReader(message);
        return json.Read() && json.TokenType is JsonTokenType.StartObject ? json : throw new JsonException();
    }

    /// <summary>Goes to the name of the next member; false at the end of the object.</summary>
    private static bool NextMember(ref Utf8JsonReader json) => json.Read() && json.TokenType is JsonTokenType.PropertyName;

    private static long? ReadNumber(ref Utf8JsonReader json)
    {
        json.Read();
        return json.TokenType is JsonTokenType.Number && json.TryGetInt64(out var number) && number is >= 0 and <= MaxNumber ? number : null;
    }

    private static Refusal<CallRefusal> Misfit(string member) => new(
        CallRefusal.MemberInvalid,
        $"Of a {Progress}: {member}. It has done (a whole number from 0 to 2^53 - 1), and may have total (the same) and message (a text).");
}
