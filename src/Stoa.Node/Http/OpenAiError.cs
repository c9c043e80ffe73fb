using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Stoa.Market.Inference.Messages;

namespace Stoa.Node.Http;

/// <summary>A refusal in the form of OpenAI's API: <c>{ "error": { "message", "type", "param", "code" } }</c>.</summary>
/// <param name="Status">Of HTTP.</param>
/// <param name="Type">One of OpenAI's words for kinds of errors.</param>
/// <param name="Code">The refusal's name.</param>
/// <param name="Message">What happened and what to do next.</param>
public sealed record OpenAiError(int Status, string Type, string Code, string Message)
{
    /// <summary>The member of the request that is at fault; null for none.</summary>
    public string? Parameter { get; init; }

    /// <summary>After how many seconds it is worth trying again; null when waiting does not help.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>The same refusal as other endpoints tell it as problem details.</summary>
    public static OpenAiError Of(ProblemResult problem)
    {
        ArgumentNullException.ThrowIfNull(problem);
        return new OpenAiError(
            problem.Kind.Status,
            problem.Kind.Status switch
            {
                401 => "authentication_error",
                403 => "permission_error",
                429 => "rate_limit_error",
                < 500 => "invalid_request_error",
                _ => "server_error",
            },
            problem.Kind.Code,
            problem.Errors.Count == 0 ? problem.Detail : $"{problem.Detail} {string.Join(' ', problem.Errors.Select(error => error.Reason))}")
        {
            RetryAfterSeconds = problem.Kind.RetryAfter is { } wait ? (int)Math.Ceiling(wait.TotalSeconds) : null,
        };
    }

    /// <summary>The request is not what the endpoint takes.</summary>
    public static OpenAiError Invalid(string? parameter, string message) => new(400, "invalid_request_error", "invalid_request", message) { Parameter = parameter };

    /// <summary>Nobody serves the model here.</summary>
    public static OpenAiError ModelUnknown(string message) => new(404, "invalid_request_error", "model_not_found", message) { Parameter = "model" };

    /// <summary>Replicas are away or busy.</summary>
    public static OpenAiError Unavailable(string code, string message, int retryAfterSeconds) => new(503, "server_error", code, message) { RetryAfterSeconds = retryAfterSeconds };

    /// <summary>Answers with it.</summary>
    public async Task WriteAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var response = context.Response;
        response.StatusCode = Status;
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-store";
        if (RetryAfterSeconds is { } wait)
            response.Headers.RetryAfter = wait.ToString(CultureInfo.InvariantCulture);
        var body = context.GetEndpoint()?.Metadata.GetMetadata<OpenAiEndpoint>()?.Form is ErrorForm.Anthropic ? MessagesError.ToJson(Status, Code, Message, Parameter) : ToJson();
        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, context.RequestAborted);
    }

    /// <summary>Its JSON.</summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("error");
            json.WriteString("message", Message);
            json.WriteString("type", Type);
            json.WriteString("param", Parameter);
            json.WriteString("code", Code);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>Marks the endpoints that tell refusals in the form of OpenAI's API, or of another one that clients of models have.</summary>
/// <param name="Form">Which.</param>
public sealed record OpenAiEndpoint(ErrorForm Form = ErrorForm.OpenAi);

/// <summary>How clients of models are told of refusals.</summary>
public enum ErrorForm
{
    /// <summary><see cref="OpenAiError"/>.</summary>
    OpenAi,

    /// <summary><see cref="MessagesError"/>.</summary>
    Anthropic,
}
