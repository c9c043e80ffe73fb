using Stoa.Llama.Engine;

namespace Stoa.Llama.Serving;

/// <summary>A request is refused, in the words of OpenAI's API.</summary>
public sealed class ApiFaultException : Exception
{
    public ApiFaultException()
    {
    }

    public ApiFaultException(string message)
        : base(message)
    {
    }

    public ApiFaultException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <param name="status">Of the answer.</param>
    /// <param name="code">A word for programs.</param>
    /// <param name="parameter">The member that is at fault; null for none.</param>
    /// <param name="message">What is wrong, and what would be right.</param>
    public ApiFaultException(int status, string code, string? parameter, string message)
        : base(message) => (Status, Code, Parameter) = (status, code, parameter);

    /// <summary>Of the answer.</summary>
    public int Status { get; } = 500;

    /// <summary>A word for programs.</summary>
    public string Code { get; } = "server_error";

    /// <summary>The member that is at fault; null for none.</summary>
    public string? Parameter { get; }

    /// <summary>What kind of fault it is.</summary>
    public string Type => Status switch
    {
        >= 500 => "server_error",
        401 => "authentication_error",
        429 => "rate_limit_error",
        _ => "invalid_request_error",
    };

    internal static ApiFaultException Invalid(string parameter, string message) => new(400, "invalid_request", parameter, message);

    internal static ApiFaultException Of(Exception failure) => failure switch
    {
        ApiFaultException fault => fault,
        EngineRefusalException refusal => refusal.Refusal switch
        {
            EngineRefusal.TooManyWaiting => new(429, "too_many_waiting", null, refusal.Message),
            EngineRefusal.PromptTooLong => new(400, "context_length_exceeded", null, refusal.Message),
            EngineRefusal.TooManyChoices => new(400, "invalid_request", "n", refusal.Message),
            EngineRefusal.GrammarInvalid => new(400, "invalid_request", "response_format", refusal.Message),
            EngineRefusal.NothingFits => new(422, "invalid_request", "response_format", refusal.Message),
            EngineRefusal.OnlyEmbeds => new(400, "invalid_request", "model", refusal.Message),
            EngineRefusal.Ending => new(503, "ending", null, refusal.Message),
            _ => throw new InvalidOperationException($"Nobody says what {refusal.Refusal} is.", refusal),
        },
        LlamaException broken => new(500, "engine_failed", null, broken.Message),
        _ => new(500, "server_error", null, "The server failed at this request."),
    };
}
