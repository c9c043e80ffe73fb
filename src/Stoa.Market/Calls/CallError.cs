using System.Buffers;
using Stoa.Primitives;

namespace Stoa.Market.Calls;

/// <summary>The answer to what is not done: <c>{"error","detail"}</c>, of an agent that failed <c>failure</c> and <c>log</c>, of a model that gave no answer <c>status</c> and <c>code</c>.</summary>
internal static class CallError
{
    public static ReadOnlySequence<byte> Of(Refusal<CallRefusal> refused) => Of(refused, failure: null, log: "");

    /// <summary>Of a model that gave no answer.</summary>
    /// <param name="status">Of HTTP, as OpenAI's API would say it.</param>
    /// <param name="code">The refusal's name there.</param>
    /// <param name="detail">What happened and what to do next.</param>
    public static ReadOnlySequence<byte> OfModel(int status, string code, string detail) => new(SignedJson.Written(json =>
    {
        json.WriteStartObject();
        json.WriteString("error", EnumWord.Of(CallRefusal.AskFailed));
        json.WriteString("detail", detail);
        json.WriteNumber("status", status);
        json.WriteString("code", code);
        json.WriteEndObject();
    }));

    /// <param name="refused">The case, with what to say.</param>
    /// <param name="failure">How the called agent failed, in camelCase; null when none did.</param>
    /// <param name="log">The end of what it wrote to stderr.</param>
    public static ReadOnlySequence<byte> Of(Refusal<CallRefusal> refused, string? failure, string log) => new(SignedJson.Written(json =>
    {
        json.WriteStartObject();
        json.WriteString("error", EnumWord.Of(refused.Code));
        json.WriteString("detail", refused.Detail);
        if (failure is not null)
        {
            json.WriteString("failure", failure);
            json.WriteString("log", log);
        }

        json.WriteEndObject();
    }));
}
