using System.Buffers;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market.Metering;
using Stoa.Primitives;
using UsageQuery = Stoa.Market.Metering.UsageQuery;

namespace Stoa.Node.Metering;

/// <summary>Usage and budgets as they are on the wire.</summary>
internal static class MeteringContracts
{
    /// <summary>The type of the usage event of a task.</summary>
    private const string TaskUsageType = "stoa.usage.task";

    /// <summary>The type of the usage event of requests to a model.</summary>
    private const string InferenceUsageType = "stoa.usage.inference";

    public static UsageResponse ToContract(UsageRow row, UsageQuery query) => new(
        row.Start,
        row.Amounts.Events,
        row.Amounts.Fuel,
        row.Amounts.InputBytes,
        row.Amounts.OutputBytes,
        row.Amounts.DurationMs,
        row.Amounts.Paid.ToString(),
        EarnedOf(row.Amounts, query.Role),
        query.Group is UsageGroup.None ? null : NameOf(row, query),
        row.Calls,
        row.Charges,
        row.Amounts.ByteHours,
        row.Amounts.TransferBytes,
        row.Amounts.Requests,
        row.Amounts.InputTokens,
        row.Amounts.OutputTokens);

    /// <summary>What a row is about.</summary>
    public static string NameOf(UsageRow row, UsageQuery query) =>
        query.Group is UsageGroup.Kind && Enum.TryParse<UsageKind>(row.Name, out var kind) ? EnumWord.Of(kind) : row.Name;

    /// <summary>What of it whoever asks has earned; null for who has paid.</summary>
    public static string? EarnedOf(UsageAmounts amounts, UsageRole role) => role switch
    {
        UsageRole.Creator => amounts.Creator.ToString(),
        UsageRole.Operator => amounts.Node.ToString(),
        _ => null,
    };

    public static BudgetResponse ToContract(Budget budget) => new(
        budget.Id.ToString(),
        budget.Amount.ToString(),
        EnumWord.Of(budget.Span),
        budget.Meter.Captured.ToString(),
        budget.Meter.Held.ToString(),
        budget.Left.ToString(),
        budget.Meter.Start,
        budget.RenewsAt,
        budget.Thresholds,
        budget.Mails,
        budget.CreatedAt,
        budget.Scope.Contains('/', StringComparison.Ordinal) ? budget.Scope : null,
        budget.Scope.Length > 0 && !budget.Scope.Contains('/', StringComparison.Ordinal) ? budget.Scope : null);

    /// <summary>What a node takes for storage and transfer.</summary>
    public static UsagePricesBody ToContract(UsagePrices prices) => new(
        prices.StorageGibMonth.ToString(), prices.FreeStorageBytes, prices.TransferGib.ToString(), prices.FreeTransferBytes);

    /// <summary>A usage event, in the form of the schema at <c>/schemas/usage-event.v1.json</c>.</summary>
    /// <param name="source">Which has one of them.</param>
    /// <param name="showsConsumer">Creators do not learn who pays.</param>
    public static CloudEvent ToUsageEvent(UsageSource source, bool showsConsumer) => source switch
    {
        { Receipt: { } envelope } => ToUsageEvent(envelope, showsConsumer),
        { Charge: { } charge } => ToUsageEvent(charge),
        { Inference: { } charge } => ToUsageEvent(charge, showsConsumer),
        _ => throw new ArgumentException("There is nothing to make an event of.", nameof(source)),
    };

    private static CloudEvent ToUsageEvent(UsageCharge charge)
    {
        var (name, isStorage) = (UsageCharge.NameOf(charge.Kind), charge.Kind is UsageKind.Storage);
        var data = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(data))
        {
            json.WriteStartObject();
            json.WriteString("kind", name);
            json.WriteString("consumerId", charge.UserId.ToString());
            json.WriteString("node", charge.Node);
            json.WriteStartObject("quantities");
            json.WriteNumber(isStorage ? "byteHours" : "bytes", charge.Quantity);
            json.WriteEndObject();
            json.WriteString("price", charge.Price.ToString());
            json.WriteStartObject("shares");
            json.WriteString("creator", charge.Shares.Creator.ToString());
            json.WriteString("node", charge.Shares.Node.ToString());
            json.WriteString("platform", charge.Shares.Platform.ToString());
            json.WriteEndObject();
            json.WriteEndObject();
        }

        using var written = JsonDocument.Parse(data.WrittenMemory);
        return new CloudEvent("1.0", charge.Id.ToString(), $"stoa://{charge.Node}", $"stoa.usage.{name}", charge.UserId.ToString(), charge.At, written.RootElement.Clone());
    }

    private static CloudEvent ToUsageEvent(InferenceCharge charge, bool showsConsumer)
    {
        var data = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(data))
        {
            json.WriteStartObject();
            json.WriteString("kind", EnumWord.Of(UsageKind.Inference));
            json.WriteString("model", charge.Model.ToString());
            if (showsConsumer)
                json.WriteString("consumerId", charge.UserId.ToString());
            if (showsConsumer && charge.KeyId is { } key)
                json.WriteString("keyId", key.ToString());
            json.WriteString("node", charge.Node);
            json.WriteString("from", charge.From);
            json.WriteStartObject("quantities");
            json.WriteNumber("requests", charge.Requests);
            json.WriteNumber("inputTokens", charge.InputTokens);
            json.WriteNumber("outputTokens", charge.OutputTokens);
            json.WriteEndObject();
            json.WriteString("price", charge.Price.ToString());
            json.WriteStartObject("shares");
            json.WriteString("creator", charge.Shares.Creator.ToString());
            json.WriteString("node", charge.Shares.Node.ToString());
            json.WriteString("platform", charge.Shares.Platform.ToString());
            json.WriteEndObject();
            json.WriteEndObject();
        }

        using var written = JsonDocument.Parse(data.WrittenMemory);
        return new CloudEvent("1.0", charge.Id.ToString(), $"stoa://{charge.Node}", InferenceUsageType, charge.Model.ToString(), charge.To, written.RootElement.Clone());
    }

    private static CloudEvent ToUsageEvent(byte[] envelope, bool showsConsumer)
    {
        using var receipt = JsonDocument.Parse(DsseEnvelope.FromJson(envelope).Payload);
        var root = receipt.RootElement;
        var data = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(data))
        {
            json.WriteStartObject();
            json.WriteString("kind", EnumWord.Of(UsageKind.Task));
            foreach (var member in showsConsumer ? (string[])["taskId", "agent", "consumerId", "node"] : ["taskId", "agent", "node"])
                json.WriteString(member, root.GetProperty(member).GetString());
            json.WritePropertyName("quantities");
            root.GetProperty("usage").WriteTo(json);
            json.WriteString("price", root.GetProperty("price").GetString());
            json.WritePropertyName("shares");
            root.GetProperty("shares").WriteTo(json);
            if (root.TryGetProperty("calls", out var calls))
                WriteCalls(json, calls);
            if (root.TryGetProperty("modelRequests", out var requests))
                WriteRequests(json, requests);
            json.WriteEndObject();
        }

        using var written = JsonDocument.Parse(data.WrittenMemory);
        return new CloudEvent(
            "1.0",
            root.GetProperty("id").GetString()!,
            $"stoa://{root.GetProperty("node").GetString()}",
            TaskUsageType,
            root.GetProperty("taskId").GetString()!,
            root.GetProperty("finishedAt").GetDateTimeOffset(),
            written.RootElement.Clone());
    }

    /// <summary>Those for which something was used.</summary>
    private static void WriteRequests(Utf8JsonWriter json, JsonElement requests)
    {
        json.WriteStartArray("modelRequests");
        foreach (var request in requests.EnumerateArray())
        {
            if (!request.TryGetProperty("used", out var used))
                continue;
            json.WriteStartObject();
            json.WriteString("model", used.GetProperty("model").GetString());
            json.WriteStartObject("quantities");
            json.WriteNumber("requests", 1);
            json.WriteNumber("inputTokens", used.GetProperty("inputTokens").GetInt64());
            json.WriteNumber("outputTokens", used.GetProperty("outputTokens").GetInt64());
            json.WriteEndObject();
            json.WriteString("price", request.GetProperty("price").GetString());
            json.WritePropertyName("shares");
            request.GetProperty("shares").WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteCalls(Utf8JsonWriter json, JsonElement calls)
    {
        json.WriteStartArray("calls");
        foreach (var call in calls.EnumerateArray())
        {
            json.WriteStartObject();
            json.WriteString("agent", call.GetProperty("agent").GetString());
            json.WritePropertyName("quantities");
            call.GetProperty("usage").WriteTo(json);
            json.WriteString("price", call.GetProperty("price").GetString());
            json.WritePropertyName("shares");
            call.GetProperty("shares").WriteTo(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
