using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Client;

namespace Stoa.Node.Http;

/// <summary>How the node reads and writes JSON: as the contracts say, and on input nothing beside it.</summary>
public static class StrictJson
{
    private static readonly Lazy<JsonSerializerOptions> s_options = new(() =>
    {
        var strict = new JsonSerializerOptions();
        Configure(strict);
        strict.MakeReadOnly();
        return strict;
    });

    /// <summary>Unknown, missing, repeated and null members are refused, and so is nesting deeper than <see cref="StoaJson.MaxDepth"/>.</summary>
    public static JsonSerializerOptions Options => s_options.Value;

    /// <summary>Makes other options the same.</summary>
    public static void Configure(JsonSerializerOptions strict)
    {
        var wire = StoaJson.Default.Options;
        strict.TypeInfoResolverChain.Clear();
        strict.TypeInfoResolverChain.Add(StoaJson.Default);
        foreach (var converter in wire.Converters)
            strict.Converters.Add(converter);
        strict.PropertyNamingPolicy = wire.PropertyNamingPolicy;
        strict.PropertyNameCaseInsensitive = false;
        strict.NumberHandling = JsonNumberHandling.Strict;
        strict.DefaultIgnoreCondition = wire.DefaultIgnoreCondition;
        strict.MaxDepth = wire.MaxDepth;
        strict.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        strict.AllowDuplicateProperties = false;
        strict.RespectNullableAnnotations = true;
        strict.RespectRequiredConstructorParameters = true;
        // Answers are application/json with nosniff, never a part of a page: text stays readable.
        strict.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    }
}
