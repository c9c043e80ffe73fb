using System.Text;
using System.Text.Json;

namespace Stoa.Market.Calls;

/// <summary>The message that begins a call: <c>{"op":"call","agent":"…","parameters":{…},"input":"…"}</c>.</summary>
/// <param name="Agent">Full name of the version.</param>
/// <param name="Parameters">Settings by name; none when left out.</param>
/// <param name="Input">The beginning of the input, in UTF-8; empty when left out.</param>
internal sealed record CallOrder(string Agent, IReadOnlyDictionary<string, string> Parameters, byte[] Input)
{
    /// <summary>Reads a message whose <c>op</c> is known already, and whose form as well.</summary>
    public static Outcome<CallOrder, CallRefusal> Read(ReadOnlySpan<byte> message)
    {
        var json = new Utf8JsonReader(message);
        using var document = JsonDocument.ParseValue(ref json);
        string? agent = null;
        byte[]? input = null;
        Dictionary<string, string>? parameters = null;
        var hasOperation = false;
        foreach (var member in document.RootElement.EnumerateObject())
        {
            switch (member.Name)
            {
                case "op" when !hasOperation:
                    hasOperation = true;
                    break;
                case "agent" when agent is null && member.Value.ValueKind is JsonValueKind.String:
                    agent = member.Value.GetString();
                    break;
                case "input" when input is null && member.Value.ValueKind is JsonValueKind.String:
                    input = Encoding.UTF8.GetBytes(member.Value.GetString()!);
                    break;
                case "parameters" when parameters is null && member.Value.ValueKind is JsonValueKind.Object:
                    parameters = new Dictionary<string, string>(StringComparer.Ordinal);
                    foreach (var parameter in member.Value.EnumerateObject())
                    {
                        if (parameter.Value.ValueKind is not JsonValueKind.String || !parameters.TryAdd(parameter.Name, parameter.Value.GetString()!))
                            return Misfit("parameters");
                    }

                    break;
                case "op" or "agent" or "input" or "parameters":
                    return Misfit(member.Name);
                default:
                    return Misfit("there is one that it does not have");
            }
        }

        return agent is null ? Misfit("agent") : new CallOrder(agent, parameters ?? [], input ?? []);
    }

    private static Refusal<CallRefusal> Misfit(string member) => new(
        CallRefusal.MemberInvalid,
        $"Of a call: {member}. It has agent (a text: publisher/name@version), and may have parameters (an object of texts) and input (a text), each once.");
}
