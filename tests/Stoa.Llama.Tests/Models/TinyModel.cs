using Stoa.Node.Tests.Hosting;

namespace Stoa.Llama.Tests.Models;

/// <summary>A model of the llama architecture with weights by chance: it writes nonsense, and always the same.</summary>
public static class TinyModel
{
    public const int ContextLength = 1_024;

    private const int Width = 64;
    private const int Heads = 4;
    private const int Layers = 2;
    private const int Inner = 128;

    /// <summary>The vocabulary of all of them.</summary>
    public static ByteVocabulary Vocabulary { get; } = ByteVocabulary.Create();

    /// <summary>Writes one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="hasTemplate">Whether it says how turns are written.</param>
    public static void Save(string path, int seed = 1, bool hasTemplate = true)
    {
        using var writer = new GgufWriter();
        writer.Add("general.architecture", "llama");
        writer.Add("general.name", "tiny");
        writer.Add("llama.context_length", (uint)ContextLength);
        writer.Add("llama.embedding_length", (uint)Width);
        writer.Add("llama.block_count", (uint)Layers);
        writer.Add("llama.feed_forward_length", (uint)Inner);
        writer.Add("llama.attention.head_count", (uint)Heads);
        writer.Add("llama.attention.head_count_kv", (uint)Heads);
        writer.Add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        writer.Add("llama.rope.dimension_count", (uint)(Width / Heads));
        writer.Add("llama.vocab_size", (uint)Vocabulary.Tokens.Count);
        writer.Add("tokenizer.ggml.model", "gpt2");
        writer.Add("tokenizer.ggml.pre", "gpt-2");
        writer.Add("tokenizer.ggml.tokens", Vocabulary.Tokens);
        writer.Add("tokenizer.ggml.token_type", [.. Vocabulary.Tokens.Select((_, id) => id < Vocabulary.FirstControl ? 1 : 3)]);
        writer.Add("tokenizer.ggml.merges", Vocabulary.MergeRules);
        writer.Add("tokenizer.ggml.bos_token_id", (uint)Vocabulary.FirstControl);
        writer.Add("tokenizer.ggml.eos_token_id", (uint)(Vocabulary.FirstControl + 2));
        writer.Add("tokenizer.ggml.add_bos_token", value: true);
        if (hasTemplate)
            writer.Add("tokenizer.chat_template", "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}");
        AddWeights(writer, new Random(seed));
        writer.Save(path);
    }

    /// <summary>The folder of llama.cpp's libraries; skips the test where they cannot be had.</summary>
    public static async Task<string> LibrariesAsync(CancellationToken cancellationToken) =>
        Path.Combine(await NpmJudge.InstallAsync("llama", cancellationToken), "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64");

    private static void AddWeights(GgufWriter writer, Random random)
    {
        // The spread keeps what goes through the layers about as large as it was.
        float[] Numbers(int rows, int columns, double spread) => [.. Enumerable.Range(0, rows * columns).Select(_ => (float)(spread * Normal(random)))];
        void Matrix(string name, int rows, int columns) => writer.Add(name, [columns, rows], Numbers(rows, columns, 1 / Math.Sqrt(columns)));
        void Norm(string name) => writer.Add(name, [Width], [.. Enumerable.Repeat(1f, Width)]);
        var tokens = Vocabulary.Tokens.Count;
        writer.Add("token_embd.weight", [Width, tokens], Numbers(tokens, Width, 1));
        Norm("output_norm.weight");
        // Far apart, so that the likeliest token is so by much.
        writer.Add("output.weight", [Width, tokens], Numbers(tokens, Width, 0.5));
        for (var layer = 0; layer < Layers; layer++)
        {
            Norm($"blk.{layer}.attn_norm.weight");
            foreach (var name in (string[])["attn_q", "attn_k", "attn_v", "attn_output"])
                Matrix($"blk.{layer}.{name}.weight", Width, Width);
            Norm($"blk.{layer}.ffn_norm.weight");
            Matrix($"blk.{layer}.ffn_gate.weight", Inner, Width);
            Matrix($"blk.{layer}.ffn_up.weight", Inner, Width);
            Matrix($"blk.{layer}.ffn_down.weight", Width, Inner);
        }
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
