using System.CommandLine;
using System.Text;
using System.Text.Json;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>What is sent, by the commands that send messages.</summary>
internal sealed class MessageInput
{
    private const string Json = "application/json";

    private readonly Argument<string?> _file = new("FILE") { Description = "What is sent, - for standard input; a name that ends in .json is JSON.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _value = new("--value") { Description = "JSON that is sent, instead of a file.", HelpName = "JSON" };
    private readonly Option<string?> _text = new("--text", "-t") { Description = "Text that is sent, instead of a file.", HelpName = "TEXT" };
    private readonly Option<string?> _type = new("--type") { Description = "The content type of a file or text.", HelpName = "TYPE" };
    private readonly Option<string?> _key = new("--dedupe-key") { Description = "Sent again with the same key it is not sent twice.", HelpName = "KEY" };
    private readonly Option<string?> _correlation = new("--correlation") { Description = "What the reply says again; in a reply, what the request said.", HelpName = "ID" };
    private readonly Option<string?> _replyTo = new("--reply-to") { Description = "The mailbox that a reply is expected in.", HelpName = "MAILBOX" };
    private readonly Option<long?> _expires = new("--expires") { Description = "For how long it is of use.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };

    /// <summary>Adds it behind the arguments that the command has.</summary>
    public void AddTo(Command command)
    {
        command.Add(_file);
        foreach (var option in new Option[] { _value, _text, _type, _key, _correlation, _replyTo, _expires })
            command.Add(option);
        command.Validators.Add(result =>
        {
            var sources = (result.GetResult(_file) is { Tokens.Count: > 0 } ? 1 : 0) + (result.GetResult(_value) is null ? 0 : 1) + (result.GetResult(_text) is null ? 0 : 1);
            if (sources != 1)
                result.AddError("What is sent is one of FILE, --value JSON and --text TEXT.");
        });
    }

    /// <summary>The message.</summary>
    /// <exception cref="CommandFailure">It cannot be read, or is not the JSON that it is said to be.</exception>
    public async Task<SendMessageRequest> ReadAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var (bytes, type) = await ReadBytesAsync(invocation, cancellationToken);
        return new SendMessageRequest(
            type == Json ? ToJson(bytes) : null,
            type == Json ? null : Convert.ToBase64String(bytes.Span),
            type,
            invocation.Get(_key),
            invocation.Get(_correlation),
            invocation.Get(_replyTo),
            MailboxCommands.Seconds(invocation.Get(_expires)));
    }

    private async Task<(ReadOnlyMemory<byte> Bytes, string Type)> ReadBytesAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        if (invocation.Get(_value) is { } value)
            return (Encoding.UTF8.GetBytes(value), Json);
        if (invocation.Get(_text) is { } text)
            return (Encoding.UTF8.GetBytes(text), invocation.Get(_type) ?? "text/plain; charset=utf-8");
        var path = invocation.Get(_file)!;
        var type = invocation.Get(_type) ?? (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? Json : "application/octet-stream");
        return (await SmallFile.ReadAsync(invocation, path, "message", cancellationToken), type);
    }

    private static JsonElement ToJson(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return JsonElement.Parse(bytes.Span);
        }
        catch (JsonException notJson)
        {
            throw new CommandFailure($"What is sent is not JSON: {JsonText.Say(notJson)}", hint: "Send any text with --text, any bytes with --type application/octet-stream.");
        }
    }
}
