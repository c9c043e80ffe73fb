using System.Text.Json;
using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>Writes every <see cref="Id{T}"/> as the JSON string of its text.</summary>
public sealed class IdJsonConverterFactory : JsonConverterFactory
{
    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Id<>);

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(TextJsonConverter<>).MakeGenericType(typeToConvert))!;
}
