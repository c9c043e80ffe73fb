using System.Runtime.InteropServices;
using System.Text.Json;

namespace Stoa.Market.Calls;

/// <summary>The message that begins a request to a model: <c>{"op":"ask","path":"chat/completions","body":{…}}</c>.</summary>
/// <param name="Path">The endpoint of OpenAI's API; that of chats when it was left out.</param>
/// <param name="Body">The beginning of the body, as it stands in the message; empty when left out.</param>
internal sealed record AskOrder(string Path, byte[] Body)
{
    private const string Chat = "chat/completions";

    /// <summary>Reads a message whose <c>op</c> is known already, and whose form as well.</summary>
    public static Outcome<AskOrder, CallRefusal> Read(ReadOnlySpan<byte> message)
    {
        var json = new Utf8JsonReader(message);
        using var document = JsonDocument.ParseValue(ref json);
        string? path = null;
        byte[]? body = null;
        var hasOperation = false;
        foreach (var member in document.RootElement.EnumerateObject())
        {
            switch (member.Name)
            {
                case "op" when !hasOperation:
                    hasOperation = true;
                    break;
                case "path" when path is null && member.Value.ValueKind is JsonValueKind.String:
                    path = member.Value.GetString();
                    break;
                case "body" when body is null && member.Value.ValueKind is JsonValueKind.Object:
                    body = JsonMarshal.GetRawUtf8Value(member.Value).ToArray();
                    break;
                case "op" or "path" or "body":
                    return Misfit(member.Name);
                default:
                    return Misfit("there is one that it does not have");
            }
        }

        return new AskOrder(path ?? Chat, body ?? []);
    }

    private static Refusal<CallRefusal> Misfit(string member) => new(
        CallRefusal.MemberInvalid,
        $"Of a request to a model: {member}. It may have path (a text: chat/completions, completions or embeddings) and body (an object), each once.");
}
