import type { BuildOptions } from 'esbuild'

export declare const BUNDLES: Readonly<Record<string, string>>
export declare function bundleOptions(entry: string, outfile: string): BuildOptions
