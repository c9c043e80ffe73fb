using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Messages;

namespace Stoa.Node.Messages;

/// <summary>Messages as the API takes and gives them.</summary>
internal static class MessageContracts
{
    /// <summary>What somebody sends.</summary>
    /// <param name="request">As it came.</param>
    /// <param name="errors">Gets every reason against it.</param>
    public static NewMessage Read(SendMessageRequest request, List<FieldError> errors)
    {
        var (body, contentType) = (ReadOnlyMemory<byte>.Empty, request.ContentType ?? MessageRules.Bytes);
        if ((request.Body is null) == (request.Base64 is null))
        {
            errors.Add(new FieldError("", "Exactly one of body and base64 is expected."));
        }
        else if (request.Body is { } json)
        {
            (body, contentType) = (Encoding.UTF8.GetBytes(json.GetRawText()), MessageRules.Json);
            if (request.ContentType is not (null or MessageRules.Json))
                errors.Add(new FieldError("/contentType", "What is sent as body is JSON. Send other bytes as base64."));
            if (IsDeep(body.Span))
                errors.Add(new FieldError("/body", $"JSON is nested at most {MessageRules.MaxBodyDepth} deep. Send what is deeper as base64."));
        }
        else if (TryDecode(request.Base64!, out var bytes))
        {
            body = bytes;
            if (contentType == MessageRules.Json)
                errors.Add(new FieldError("/contentType", "JSON is sent as body, not as base64."));
        }
        else
        {
            errors.Add(new FieldError("/base64", "Base64 of RFC 4648 section 4, with its padding and without blanks, is expected."));
        }

        MailboxAddress? replyTo = null;
        if (request.ReplyTo is { } address && !MailboxAddress.TryParse(address, null, out replyTo))
            errors.Add(new FieldError("/replyTo", "An address of a mailbox is written OWNER/NAME."));
        var message = new NewMessage(body, contentType, request.DedupeKey, request.CorrelationId, replyTo, request.ExpiresInSeconds);
        errors.AddRange(MessageRules.Check(message));
        return message;
    }

    /// <summary>A delivery.</summary>
    public static MessageResponse Show(Delivery delivery) => Show(delivery.Message) with { Token = delivery.Token.ToString(), HeldUntil = delivery.HeldUntil };

    /// <summary>A dead letter.</summary>
    public static MessageResponse Show(DeadLetter letter) => Show(letter.Message) with { DeadAt = letter.DeadAt };

    private static MessageResponse Show(KeptMessage message)
    {
        var isJson = message.ContentType == MessageRules.Json;
        return new MessageResponse(
            message.Id.ToString(),
            message.Sender,
            message.SentAt,
            message.ExpiresAt,
            message.Deliveries,
            message.ContentType,
            isJson ? JsonElement.Parse(message.Body.Span) : null,
            isJson ? null : Convert.ToBase64String(message.Body.Span),
            message.CorrelationId,
            message.ReplyTo,
            message.Topic);
    }

    private static bool TryDecode(string base64, out byte[] bytes)
    {
        bytes = new byte[(base64.Length / 4 * 3) + 3];
        if (base64.Any(char.IsWhiteSpace) || !Convert.TryFromBase64String(base64, bytes, out var written))
            return false;
        Array.Resize(ref bytes, written);
        return true;
    }

    private static bool IsDeep(ReadOnlySpan<byte> json)
    {
        // It was read before: only how deep it is can be wrong with it.
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = StoaJson.MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject && reader.CurrentDepth >= MessageRules.MaxBodyDepth)
                return true;
        }

        return false;
    }
}
