using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Metadata;
using Stoa.Market;
using Stoa.Primitives;

namespace Stoa.Node.Http;

/// <summary>The JSON body of a request, read strictly. As a parameter of an endpoint it refuses bad bodies with every reason at once.</summary>
/// <param name="Value">What it says.</param>
/// <param name="Utf8">The bytes as they came.</param>
public sealed record Body<T>(T Value, ReadOnlyMemory<byte> Utf8)
    : IRequestContent, IBindableFromHttpContext<Body<T>>, IEndpointParameterMetadataProvider
    where T : class
{
    /// <summary>SHA-256 of the bytes: recognises a repeated request.</summary>
    public ContentHash Hash => ContentHash.Of(Utf8.Span);

    static async ValueTask<Body<T>?> IBindableFromHttpContext<Body<T>>.BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var utf8 = await RequestBody.ReadJsonAsync(context.Request, context.RequestAborted);
        return new Body<T>(Read(utf8), utf8);
    }

    static void IEndpointParameterMetadataProvider.PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new AcceptsMetadata(["application/json"], typeof(T)));

    /// <summary>Reads JSON that did not come as a body.</summary>
    /// <exception cref="RequestRefusedException">It is not what the contract says.</exception>
    internal static T Read(ReadOnlyMemory<byte> utf8)
    {
        var contract = (JsonTypeInfo<T>)StrictJson.Options.GetTypeInfo(typeof(T));
        IReadOnlyList<FieldError> errors;
        try
        {
            if (JsonSerializer.Deserialize(utf8.Span, contract) is { } value)
                return value;
            errors = [new FieldError("", "A JSON object is expected.")];
        }
        catch (JsonException)
        {
            // Reading stops at the first fault; a second look finds them all.
            errors = JsonFaults.Find(utf8.Span, contract);
        }

        throw new RequestRefusedException(RequestRefusal.RequestInvalid, "Correct what is listed in errors and send the request again.", errors);
    }
}
