using System.Text.Json;
using Stoa.Llama.Engine;

namespace Stoa.Llama.Serving;

/// <summary>Writes answers as OpenAI's API has them.</summary>
/// <param name="id">Of the answer.</param>
/// <param name="model">What the model is called.</param>
/// <param name="created">Seconds since 1970.</param>
/// <param name="isChat">Whether it answers a conversation; else a prompt.</param>
internal sealed class AnswerWriting(string id, string model, long created, bool isChat)
{
    /// <summary>The whole of an answer.</summary>
    public byte[] Whole(IReadOnlyList<(string Text, EndReason End)> choices, AnswerUsage usage) => Json(json =>
    {
        Head(json, isChat ? "chat.completion" : "text_completion");
        json.WriteStartArray("choices");
        foreach (var (index, (text, end)) in choices.Index())
        {
            json.WriteStartObject();
            json.WriteNumber("index", index);
            if (isChat)
            {
                json.WriteStartObject("message");
                json.WriteString("role", "assistant");
                json.WriteString("content", text);
                json.WriteEndObject();
            }
            else
            {
                json.WriteString("text", text);
            }

            json.WriteNull("logprobs");
            json.WriteString("finish_reason", Word(end));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        Usage(json, usage);
    });

    /// <summary>The first event of a choice of a conversation: who speaks.</summary>
    public byte[] Begin(int index) => Event(json => Choice(json, index, null, delta =>
    {
        delta.WriteString("role", "assistant");
        delta.WriteString("content", "");
    }));

    /// <summary>An event of a choice.</summary>
    public byte[] Piece(in GenerationEvent next)
    {
        var (index, text, end) = (next.Index, next.Text, next.End);
        return Event(json => Choice(json, index, end, delta =>
        {
            if (text.Length > 0 || !isChat)
                delta.WriteString(isChat ? "content" : "text", text);
        }));
    }

    /// <summary>The last event, where it is asked for.</summary>
    public byte[] Used(AnswerUsage usage) => Event(json =>
    {
        json.WriteStartArray("choices");
        json.WriteEndArray();
        Usage(json, usage);
    });

    /// <summary>What is said when something goes wrong, be it in the midst of a stream.</summary>
    public static byte[] Fault(ApiFaultException fault) => Json(json =>
    {
        json.WriteStartObject("error");
        json.WriteString("message", fault.Message);
        json.WriteString("type", fault.Type);
        json.WriteString("param", fault.Parameter);
        json.WriteString("code", fault.Code);
        json.WriteEndObject();
    });

    /// <summary>Vectors.</summary>
    public static byte[] Embeddings(string model, IReadOnlyList<float[]> vectors, bool asBytes, int tokens) => Json(json =>
    {
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        foreach (var (index, vector) in vectors.Index())
        {
            json.WriteStartObject();
            json.WriteString("object", "embedding");
            json.WriteNumber("index", index);
            if (asBytes)
            {
                json.WriteBase64String("embedding", System.Runtime.InteropServices.MemoryMarshal.AsBytes(vector.AsSpan()));
            }
            else
            {
                json.WriteStartArray("embedding");
                foreach (var number in vector)
                    json.WriteNumberValue(number);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("model", model);
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
    });

    internal static byte[] Json(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    internal static byte[] Event(ReadOnlySpan<byte> data)
    {
        var all = new byte["data: "u8.Length + data.Length + 2];
        "data: "u8.CopyTo(all);
        data.CopyTo(all.AsSpan("data: "u8.Length));
        all.AsSpan(all.Length - 2).Fill((byte)'\n');
        return all;
    }

    private byte[] Event(Action<Utf8JsonWriter> write) => Event(Json(json =>
    {
        Head(json, isChat ? "chat.completion.chunk" : "text_completion");
        write(json);
    }));

    private void Head(Utf8JsonWriter json, string type)
    {
        json.WriteString("id", id);
        json.WriteString("object", type);
        json.WriteNumber("created", created);
        json.WriteString("model", model);
    }

    private void Choice(Utf8JsonWriter json, int index, EndReason? end, Action<Utf8JsonWriter> write)
    {
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", index);
        if (isChat)
            json.WriteStartObject("delta");
        write(json);
        if (isChat)
            json.WriteEndObject();
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", end is { } reason ? Word(reason) : null);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void Usage(Utf8JsonWriter json, AnswerUsage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.Prompt);
        json.WriteNumber("completion_tokens", usage.Completion);
        json.WriteNumber("total_tokens", usage.Prompt + usage.Completion);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", usage.Cached);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string Word(EndReason end) => end switch
    {
        EndReason.Stop => "stop",
        EndReason.Length => "length",
        _ => throw new ArgumentOutOfRangeException(nameof(end)),
    };
}

/// <summary>What an answer has used.</summary>
/// <param name="Prompt">Tokens of all prompts, each once however many choices it has.</param>
/// <param name="Completion">Tokens of all choices.</param>
/// <param name="Cached">Tokens of prompts that had been read before.</param>
internal sealed record AnswerUsage(int Prompt, int Completion, int Cached);
