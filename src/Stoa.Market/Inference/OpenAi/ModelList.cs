using System.Text.Json;

namespace Stoa.Market.Inference.OpenAi;

/// <summary>Reads what a server answers to <c>GET /models</c>.</summary>
public static class ModelList
{
    private const int MostModels = 10_000;
    private const int MostNameLength = 512;

    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 64 };

    /// <summary>The names of the models: the <c>id</c> of each member of <c>data</c>. Of the rest, which each server fills in its own way, nothing is read.</summary>
    /// <param name="utf8">JSON.</param>
    /// <returns>Each once, as they came; null when it is no such list.</returns>
    public static IReadOnlyList<string>? TryRead(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8, s_json);
            if (document.RootElement.ValueKind is not JsonValueKind.Object || !document.RootElement.TryGetProperty("data", out var data))
                return null;
            // Ollama says null when it has none.
            if (data.ValueKind is JsonValueKind.Null)
                return [];
            if (data.ValueKind is not JsonValueKind.Array || data.GetArrayLength() > MostModels)
                return null;
            var names = new List<string>(data.GetArrayLength());
            foreach (var model in data.EnumerateArray())
            {
                if (model.ValueKind is not JsonValueKind.Object || !model.TryGetProperty("id", out var id) || id.ValueKind is not JsonValueKind.String || id.GetString() is not { Length: > 0 and <= MostNameLength } name)
                    return null;
                names.Add(name);
            }

            return [.. names.Distinct(StringComparer.Ordinal)];
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string whose escapes are no text.
            return null;
        }
    }
}
