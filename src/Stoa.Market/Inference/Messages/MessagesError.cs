using System.Buffers;
using System.Text.Json;

namespace Stoa.Market.Inference.Messages;

/// <summary>A refusal in the form of Anthropic's API: <c>{"type": "error", "error": {"type", "message", "details"}}</c>.</summary>
public static class MessagesError
{
    /// <summary>Anthropic's word for a kind of refusal.</summary>
    /// <param name="status">Of HTTP.</param>
    public static string TypeOf(int status) => status switch
    {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        < 500 => "invalid_request_error",
        _ => "api_error",
    };

    /// <summary>Its JSON.</summary>
    /// <param name="status">Of HTTP.</param>
    /// <param name="code">The refusal's name.</param>
    /// <param name="message">What happened and what to do next.</param>
    /// <param name="parameter">The member of the request that is at fault; null for none.</param>
    public static byte[] ToJson(int status, string code, string message, string? parameter)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, "error"u8);
            WriteMembers(json, TypeOf(status), code, message, parameter);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes what of it says what went wrong.</summary>
    internal static void WriteMembers(Utf8JsonWriter json, string type, string code, string message, string? parameter)
    {
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, type);
        // Programs show the message alone.
        json.WriteString("message"u8, parameter is null ? message : $"{parameter}: {message}");
        json.WriteStartObject("details"u8);
        json.WriteString("error_code"u8, code);
        json.WriteString("param"u8, parameter);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteNull("request_id"u8);
    }
}
