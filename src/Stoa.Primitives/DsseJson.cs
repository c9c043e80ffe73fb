using System.Text.Json.Serialization;

namespace Stoa.Primitives;

/// <summary>The one JSON form of an envelope, whatever options the caller's serializer has.</summary>
[JsonSerializable(typeof(DsseEnvelope))]
internal sealed partial class DsseJson : JsonSerializerContext;
