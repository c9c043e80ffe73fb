using System.Text.Json.Serialization;

namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>What is asked of an embedding model.</summary>
internal sealed record EmbeddingsRequest(string Model, IReadOnlyList<string> Input, int? Dimensions);

/// <summary>How that is written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EmbeddingsRequest))]
internal sealed partial class EmbeddingsJson : JsonSerializerContext;
