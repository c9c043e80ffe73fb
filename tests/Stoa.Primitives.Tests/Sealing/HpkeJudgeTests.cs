using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Stoa.Primitives.Sealing;

namespace Stoa.Primitives.Tests.Sealing;

/// <summary>Another HPKE, npm's <c>@hpke/core</c>, seals what is opened here, and opens what is sealed here.</summary>
[Trait("needs", "node")]
public sealed class HpkeJudgeTests
{
    private const string Account = "user_01h2xcejqtf2nbrexx3vqjhp41";

    private static readonly int[] s_sizes = [0, 1, 65_535, 65_536, 65_537, 200_000];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keys_AreDerivedAlike()
    {
        var materials = Enumerable.Range(0, 20).Select(index => SHA256.HashData([(byte)index])).ToList();

        var derived = await JudgeAsync([.. materials.Select(material => new JsonObject { ["derive"] = new JsonObject { ["ikm"] = Text(material) } })]);

        foreach (var (material, answer) in materials.Zip(derived))
            Bytes(answer["publicKey"]).ShouldBe(SealingKey.Derive(material).PublicKey.ToBytes());
    }

    [Fact]
    public async Task Inputs_SealedByTheOther_AreOpenedHere_AndTheirRepliesThere()
    {
        using var key = SealingKey.Derive(SHA256.HashData("node"u8));
        var sealedInputs = await JudgeAsync([.. s_sizes.Select(size => new JsonObject
        {
            ["seal"] = new JsonObject { ["publicKey"] = Text(key.PublicKey.ToBytes()), ["account"] = Account, ["plain"] = Text(Plain(size)) },
        })]);

        var questions = new JsonArray();
        foreach (var (size, answer) in s_sizes.Zip(sealedInputs))
        {
            var input = new MemoryStream(Bytes(answer["sealed"]));
            var exchange = key.Open(await SealedHeader.ReadAsync(input, Stop), Account);
            (await ReadAsync(exchange.OpenInput(input))).ShouldBe(Plain(size));
            var reply = Sealed(stream => exchange.SealReply(stream, exchange.SaltOf("facts"u8)), Plain(size + 1));
            questions.Add(new JsonObject { ["openReply"] = new JsonObject { ["exported"] = (string)answer["exported"]!, ["reply"] = Text(reply) } });
            reply[^20] ^= 1;
            questions.Add(new JsonObject { ["openReply"] = new JsonObject { ["exported"] = (string)answer["exported"]!, ["reply"] = Text(reply) } });
        }

        var opened = await JudgeAsync(questions);
        for (var index = 0; index < s_sizes.Length; index++)
        {
            Bytes(opened[2 * index]["plain"]).ShouldBe(Plain(s_sizes[index] + 1));
            opened[(2 * index) + 1]["refused"].ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task Inputs_SealedHere_AreOpenedByTheOther_AndItsRepliesHere()
    {
        var material = SHA256.HashData("node"u8);
        using var key = SealingKey.Derive(material);
        var exchanges = new List<SealedExchange>();
        var questions = new JsonArray();
        foreach (var size in s_sizes)
        {
            var exchange = SealedExchange.Begin(key.PublicKey, Account, out var header);
            exchanges.Add(exchange);
            var input = Sealed(stream => exchange.SealInput(stream, header), Plain(size));
            questions.Add(Open(input, Account));
            questions.Add(Open(input, Account + "x"));
        }

        var opened = await JudgeAsync(questions);
        var replies = new JsonArray();
        for (var index = 0; index < s_sizes.Length; index++)
        {
            Bytes(opened[2 * index]["plain"]).ShouldBe(Plain(s_sizes[index]));
            opened[(2 * index) + 1]["refused"].ShouldNotBeNull();
            replies.Add(new JsonObject
            {
                ["sealReply"] = new JsonObject
                {
                    ["exported"] = (string)opened[2 * index]["exported"]!,
                    ["salt"] = Text(SHA256.HashData([(byte)index])),
                    ["plain"] = Text(Plain(s_sizes[index] + 2)),
                },
            });
        }

        var answers = await JudgeAsync(replies);
        foreach (var (index, answer) in answers.Index())
        {
            var reply = Bytes(answer["reply"]);
            reply.ShouldBe(Sealed(stream => exchanges[index].SealReply(stream, SHA256.HashData([(byte)index])), Plain(s_sizes[index] + 2)));
            (await ReadAsync(await exchanges[index].OpenReplyAsync(new MemoryStream(reply), Stop))).ShouldBe(Plain(s_sizes[index] + 2));
        }

        JsonObject Open(byte[] input, string account) => new()
        {
            ["open"] = new JsonObject { ["ikm"] = Text(material), ["account"] = account, ["sealed"] = Text(input) },
        };
    }

    private static byte[] Plain(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Sealed(Func<Stream, SealingStream> seal, byte[] plain)
    {
        using var box = new MemoryStream();
        using var sealing = seal(box);
        sealing.Write(plain);
        sealing.Complete();
        return box.ToArray();
    }

    private static async Task<byte[]> ReadAsync(OpeningStream stream)
    {
        await using (stream)
        {
            using var all = new MemoryStream();
            await stream.CopyToAsync(all, Stop);
            return all.ToArray();
        }
    }

    private static string Text(byte[] bytes) => Convert.ToBase64String(bytes);

    private static byte[] Bytes(JsonNode? text) => Convert.FromBase64String((string)text!);

    /// <summary>Installs the library at the first run, below <c>artifacts</c>; skips the test where that cannot be.</summary>
    private static async Task<IReadOnlyList<JsonNode>> JudgeAsync(JsonArray questions)
    {
        var folder = Path.Combine(Root(), "artifacts", "judge-hpke");
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(Path.Combine(Root(), "tests", "judges", "hpke")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        // npm writes it when all is there.
        if (!File.Exists(Path.Combine(folder, "node_modules", ".package-lock.json")))
        {
            var (installed, said) = await RunAsync("npm", folder, ["ci", "--no-audit", "--no-fund", "--silent"], null);
            Assert.SkipUnless(installed, $"npm is needed to install @hpke/core 1.9.0: {said}");
        }

        var (judged, answer) = await RunAsync("node", folder, [Path.Combine(folder, "sealed.mjs")], questions.ToJsonString());
        Assert.SkipUnless(judged || answer.Length > 0, "Node is needed to run @hpke/core.");
        judged.ShouldBeTrue(answer);
        return [.. JsonNode.Parse(answer)!.AsArray().Select(one => one!)];
    }

    private static async Task<(bool Succeeded, string Output)> RunAsync(string program, string folder, string[] arguments, string? input)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(Stop), process.StandardError.ReadToEndAsync(Stop));
            if (input is not null)
                await process.StandardInput.WriteAsync(input.AsMemory(), Stop);
            process.StandardInput.Close();
            await process.WaitForExitAsync(Stop);
            return (process.ExitCode == 0, process.ExitCode == 0 ? await output : await error);
        }
        catch (Win32Exception)
        {
            return (false, "");
        }
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "../../../.."));
}
